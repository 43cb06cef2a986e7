import { expect } from 'vitest';
import { limitTest as it, login, repeat } from '../../admin/limited-calls.ts';
import { OVER_HTTPS, PAGE, send } from './console-client.ts';

it('sign-ins by the console count with those of the admin API', async ({ node, createAccount }) => {
  const { email } = await createAccount();
  const headers = { ...PAGE, ...OVER_HTTPS };
  const options = { method: 'POST', headers, body: { email, password: 'wrong' } };
  const signIn = () => send(node.app.ports.http, '/console/session', options);
  await repeat(5, () => login(node, OVER_HTTPS['x-forwarded-for'], email));
  for (let i = 0; i < 5; i++) expect((await signIn()).status).toBe(401);
  const rejected = await signIn();
  expect([rejected.status, JSON.parse(rejected.text).code]).toEqual([429, 'resource_exhausted']);
  expect(Number(rejected.headers['retry-after'])).toBeGreaterThan(0);
});
