import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { test } from '../../support/fixtures.ts';
import { ADMINISTRATOR, type TestNode } from '../../support/node.ts';

const UNAUTHENTICATED = 16;
/** Longer than the time in which a repeated call gets the same answer. */
const AFTER_GRACE_MS = 11_000;

const it = test.override({ environment: { SESSION_MAX_SECONDS: '600' } });

const signIn = (node: TestNode) => node.admin.call(AuthServiceService.login, ADMINISTRATOR);
const refresh = (node: TestNode, refreshToken: string) =>
  node.admin.call(AuthServiceService.refreshToken, { refreshToken });
const expectDead = async (node: TestNode, refreshToken: string) =>
  expect((await node.admin.callAndFail(AuthServiceService.refreshToken, { refreshToken })).code).toBe(UNAUTHENTICATED);
const listPlans = { pageSize: 1, pageToken: '' };
const bearer = ({ accessToken }: { accessToken: string }) => ({ authorization: `Bearer ${accessToken}` });

/** Makes all uses of refresh tokens so far that much older. */
const AGE_USES = `
  update session set used_refresh_tokens = coalesce(
    (select jsonb_agg(used || jsonb_build_object('usedAt', (used->>'usedAt')::bigint - ?))
     from jsonb_array_elements(used_refresh_tokens) used), '[]')`;

it('a call that is retried after 50 ms gets the same answer, and the session goes on', async ({ node }) => {
  const first = await signIn(node);
  const second = await refresh(node, first.refreshToken);
  await sleep(50);
  expect(await refresh(node, first.refreshToken)).toEqual(second);
  const third = await refresh(node, second.refreshToken);
  expect(third.refreshToken).not.toBe(second.refreshToken);
  // Late, and its successor has been used already.
  expect(await refresh(node, first.refreshToken)).toEqual(second);
  await node.admin.call(PlanServiceService.listPlans, listPlans, bearer(third));
});

it.for(['one node', 'two nodes'])(
  'eight calls at once with one refresh token all get one answer, on %s',
  async (where, { node, startNode }) => {
    const other = where === 'one node' ? node : await startNode();
    const { refreshToken } = await signIn(node);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => refresh(index % 2 === 0 ? node : other, refreshToken)),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    await refresh(node, answers[0]?.refreshToken ?? '');
  },
);

it('a used refresh token that comes again later ends the session with its access tokens', async ({ node, issuers }) => {
  const first = await signIn(node);
  const second = await refresh(node, first.refreshToken);
  await issuers.run(AGE_USES, AFTER_GRACE_MS);
  await expectDead(node, first.refreshToken);
  await expectDead(node, second.refreshToken);
  const error = await node.admin.callAndFail(PlanServiceService.listPlans, listPlans, bearer(second));
  expect(error.code).toBe(UNAUTHENTICATED);
});

it('a session that has ended answers nothing again', async ({ node }) => {
  const first = await signIn(node);
  const second = await refresh(node, first.refreshToken);
  await node.admin.call(AuthServiceService.logout, { refreshToken: first.refreshToken, allSessions: false });
  await expectDead(node, first.refreshToken);
  await expectDead(node, second.refreshToken);
});

it('the database holds neither a refresh token nor an access token in clear', async ({ node, issuers }) => {
  const first = await signIn(node);
  const second = await refresh(node, first.refreshToken);
  for (const secret of [first.refreshToken, second.refreshToken, second.accessToken]) {
    for (const part of [secret, secret.slice(3, 35), secret.split('.').at(-1) ?? '']) {
      // Fails with a division by zero if a row contains the part.
      await issuers.run('select 1 / (1 - count(*)::int) from session where session::text like ?', `%${part}%`);
    }
  }
});

it('a session ends at its latest end, however often it is refreshed, and so do its access tokens', async ({
  node,
  issuers,
}) => {
  const first = await signIn(node);
  expect(first.expiresIn).toBe(600);
  await issuers.run(`update session set create_time = create_time - interval '9 minutes'`);
  const second = await refresh(node, first.refreshToken);
  expect(second.expiresIn).toBeGreaterThan(30);
  expect(second.expiresIn).toBeLessThanOrEqual(60);
  await issuers.run(`update session set create_time = create_time - interval '2 minutes'`);
  const third = await node.admin.callAndFail(AuthServiceService.refreshToken, { refreshToken: second.refreshToken });
  expect(third.code).toBe(UNAUTHENTICATED);
});
