import { deepEqual, match } from 'node:assert/strict';
import type { ApiKey } from '../admin-client.ts';
import { FIVE_A_MINUTE } from '../demo-stack.ts';
import type { Question } from '../http-clients.ts';
import type { Received } from '../upstream.ts';
import { type Check, expectRefusal, NO_FILTER, received, type Scene, withKey } from './check.ts';

const FORGED: NonNullable<Question['headers']> = [
  ['x-weir-plan', 'enterprise'],
  ['x-weir-plan', 'enterprise'],
  ['x-weir-account', 'somebody-else'],
  ['x-weir-admin', 'true'],
  ['x_weir_plan', 'enterprise'],
];

export const unauthenticated: Check = {
  name: 'a route that asks nobody answers without a key, and the upstream sees no x-weir-* header',
  async run({ ask }) {
    const answer = await ask({ path: NO_FILTER, headers: FORGED });
    deepEqual(weirHeaders(received(answer)), []);
  },
};

/** Who may come in on this path, and what the upstream learns of them. */
export function identityChecks(path: string): readonly Check[] {
  return [
    { name: `${path}: no key is refused with 401 and www-authenticate`, run: ({ ask }) => noKey(ask, path) },
    { name: `${path}: what is no key is refused with 401`, run: ({ ask }) => noSuchKey(ask, path) },
    { name: `${path}: the upstream learns account, key and plan from Weir alone`, run: (scene) => learns(scene, path) },
    { name: `${path}: the upstream does not see the key, in either header`, run: (scene) => hidden(scene, path) },
    { name: `${path}: a disabled key is refused with 403 within a second`, run: (scene) => disabled(scene, path) },
  ];
}

async function noKey(ask: Scene['ask'], path: string): Promise<void> {
  const answer = await ask({ path });
  expectRefusal(answer, 401, 'missing_credential');
  match(String(answer.headers['www-authenticate']), /^Bearer/);
}

async function noSuchKey(ask: Scene['ask'], path: string): Promise<void> {
  expectRefusal(await ask(withKey(path, { secret: 'wk_live_guess' })), 401, 'malformed_credential');
}

async function learns({ ask, administrator }: Scene, path: string): Promise<void> {
  const key = await administrator.createKey(FIVE_A_MINUTE.id);
  const answer = await ask({ path, headers: [['x-api-key', key.secret], ...FORGED] });
  deepEqual(weirHeaders(received(answer)), identityHeaders(key));
}

async function hidden({ ask, administrator }: Scene, path: string): Promise<void> {
  const { secret } = await administrator.createKey(FIVE_A_MINUTE.id);
  const byKey = received(await ask({ path, headers: [['x-api-key', secret]] }));
  const byBearer = received(await ask({ path, headers: [['authorization', `Bearer ${secret}`]] }));
  const holding = [...byKey.headers, ...byBearer.headers].filter((header) => header.includes(secret));
  deepEqual(holding, []);
}

async function disabled({ ask, administrator }: Scene, path: string): Promise<void> {
  const key = await administrator.createKey('enterprise');
  deepEqual((await ask(withKey(path, key))).status, 200);
  await administrator.disableKey(key.name);
  const latest = performance.now() + 1000;
  let answer = await ask(withKey(path, key));
  // Not until it is no longer 200: where the key goes between the two filters, the second one refuses, with 429.
  while (answer.status !== 403 && performance.now() < latest) answer = await ask(withKey(path, key));
  expectRefusal(answer, 403, 'disabled_credential');
}

/** Everything that an upstream might take for Weir's word. */
function weirHeaders({ headers }: Received): Received['headers'] {
  return headers.filter((header) => /weir/i.test(header)).toSorted();
}

function identityHeaders({ name, account }: ApiKey): Received['headers'] {
  return [
    `x-weir-account: ${account.replace('accounts/', '')}`,
    `x-weir-key: ${name.replace('apiKeys/', '')}`,
    `x-weir-plan: ${FIVE_A_MINUTE.id}`,
  ];
}
