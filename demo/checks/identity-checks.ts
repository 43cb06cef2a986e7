import { deepEqual, match } from 'node:assert/strict';
import type { ApiKey } from '../admin-client.ts';
import { FIVE_A_MINUTE } from '../demo-stack.ts';
import type { HttpRequest } from '../http-clients.ts';
import type { ReceivedRequest } from '../upstream.ts';
import {
  type Check,
  type CheckContext,
  createRequestWithKey,
  expectError,
  parseReceived,
  UNPROTECTED_PATH,
} from './check.ts';

/** How soon a disabled key must be rejected. */
const MAX_PROPAGATION_MS = 1000;

const FORGED_HEADERS: NonNullable<HttpRequest['headers']> = [
  ['x-weir-plan', 'enterprise'],
  ['x-weir-plan', 'enterprise'],
  ['x-weir-account', 'somebody-else'],
  ['x-weir-admin', 'true'],
  ['x_weir_plan', 'enterprise'],
];

export const unprotectedRouteCheck: Check = {
  name: 'a route without ext_authz needs no key, and its upstream receives no x-weir-* header',
  async run({ send }) {
    const response = await send({ path: UNPROTECTED_PATH, headers: FORGED_HEADERS });
    deepEqual(findWeirHeaders(parseReceived(response)), []);
  },
};

/** Checks who can send requests on this path, and which identity the upstream receives. */
export function createIdentityChecks(path: string): readonly Check[] {
  return [
    {
      name: `${path}: denies a request without a key with 401 and www-authenticate`,
      run: (context) => checkMissingKey(context, path),
    },
    { name: `${path}: denies a malformed key with 401`, run: (context) => checkMalformedKey(context, path) },
    {
      name: `${path}: the upstream receives account, key and plan from Weir alone`,
      run: (context) => checkIdentityHeaders(context, path),
    },
    {
      name: `${path}: the upstream does not receive the secret of the key, whichever header carries it`,
      run: (context) => checkSecretIsRemoved(context, path),
    },
    {
      name: `${path}: denies a disabled key with 403 within a second`,
      run: (context) => checkDisabledKey(context, path),
    },
  ];
}

async function checkMissingKey({ send }: CheckContext, path: string): Promise<void> {
  const response = await send({ path });
  expectError(response, 401, 'missing_credential');
  match(String(response.headers['www-authenticate']), /^Bearer/);
}

async function checkMalformedKey({ send }: CheckContext, path: string): Promise<void> {
  expectError(await send(createRequestWithKey(path, { secret: 'wk_live_guess' })), 401, 'malformed_credential');
}

async function checkIdentityHeaders({ send, admin }: CheckContext, path: string): Promise<void> {
  const key = await admin.createKey(FIVE_A_MINUTE.id);
  const response = await send({ path, headers: [['x-api-key', key.secret], ...FORGED_HEADERS] });
  deepEqual(findWeirHeaders(parseReceived(response)), createIdentityHeaders(key));
}

async function checkSecretIsRemoved({ send, admin }: CheckContext, path: string): Promise<void> {
  const { secret } = await admin.createKey(FIVE_A_MINUTE.id);
  const byKey = parseReceived(await send({ path, headers: [['x-api-key', secret]] }));
  const byBearer = parseReceived(await send({ path, headers: [['authorization', `Bearer ${secret}`]] }));
  const headersWithSecret = [...byKey.headers, ...byBearer.headers].filter((header) => header.includes(secret));
  deepEqual(headersWithSecret, []);
}

async function checkDisabledKey({ send, admin }: CheckContext, path: string): Promise<void> {
  const key = await admin.createKey('enterprise');
  deepEqual((await send(createRequestWithKey(path, key))).status, 200);
  await admin.disableKey(key.name);
  const deadline = performance.now() + MAX_PROPAGATION_MS;
  let response = await send(createRequestWithKey(path, key));
  // Any status but 403 is retried, not only 200: if the key becomes invalid between the two filters, the second one
  // rejects the request with 429.
  while (response.status !== 403 && performance.now() < deadline)
    response = await send(createRequestWithKey(path, key));
  expectError(response, 403, 'disabled_credential');
}

/** All headers that an upstream might attribute to Weir. */
function findWeirHeaders({ headers }: ReceivedRequest): ReceivedRequest['headers'] {
  return headers.filter((header) => /weir/i.test(header)).toSorted();
}

function createIdentityHeaders({ name, account }: ApiKey): ReceivedRequest['headers'] {
  return [
    `x-weir-account: ${account.replace('accounts/', '')}`,
    `x-weir-key: ${name.replace('apiKeys/', '')}`,
    `x-weir-plan: ${FIVE_A_MINUTE.id}`,
  ];
}
