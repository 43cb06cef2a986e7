import { afterEach, beforeEach, expect, it } from 'vitest';
import { findKeyProblem } from '../../src/identity/verify-tokens/test-issuer.ts';
import { IdentityProvider } from '../support/servers/identity-provider.ts';
import { makeIssuer } from './make-issuer.ts';

const OPTIONS = { insecureHosts: new Set<string>(), privateHosts: new Set(['127.0.0.1']), maxTokenBytes: 16_384 };

let provider: IdentityProvider;
beforeEach(async () => {
  provider = await IdentityProvider.start();
});
afterEach(() => provider.stop());

it('the check of the keys of an issuer ends with its signal, long before a fetch gives up', async () => {
  provider.fault = 'silent';
  const begin = performance.now();
  expect(await findKeyProblem(makeIssuer(provider), { ...OPTIONS, signal: AbortSignal.timeout(200) })).toContain(
    'timeout',
  );
  // A fetch gives up after 5 s.
  expect(performance.now() - begin).toBeLessThan(4_000);
});
