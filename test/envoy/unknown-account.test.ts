import { describe, expect, it } from 'vitest';
import { EXT_AUTHZ_FILTER, removeFilter } from '../../demo/envoy-configuration.ts';
import { sendOverHttp1 } from '../../demo/http-clients.ts';
import { newDatabase } from '../support/databases.ts';
import { EnvoyExample } from '../support/envoy/envoy-example.ts';

describe('a request whose account is unknown', () => {
  it.each(['concurrency', 'token-budgets'])(
    'is rejected by the example envoy/%s, rather than counted together with others',
    async (name) => {
      const example = await EnvoyExample.start(name, await newDatabase());
      try {
        const { origin } = await example.envoy(removeFilter(EXT_AUTHZ_FILTER));
        expect((await sendOverHttp1(origin, { path: '/' })).status).toBe(429);
        expect(example.upstream.inFlight).toBe(0);
      } finally {
        await example.stop();
      }
    },
    600_000,
  );
});
