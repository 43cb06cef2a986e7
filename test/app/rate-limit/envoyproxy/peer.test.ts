import { describe, expect } from 'vitest';
import { GrpcClient } from '../../../support/clients/grpc-client.ts';
import { test } from '../../../support/fixtures.ts';
import { CONFIGURATIONS, sendInOrder } from './configurations.ts';

/**
 * `host:port` of an envoyproxy/ratelimit with the configurations in configurations/ and empty counters. Do not run this
 * near the end of an hour, when its windows end.
 */
const PEER = process.env.PEER_RLS;

/** Descriptors that match several rules, one or none. */
const VALUES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  wildcards: ['/v1/a', '/v1/users/a', '/v1/users/me', '/v2', '/v1/', '/v1', '', '/v1/*'].map((value) => [
    `path=${value}`,
  ]),
  addresses: ['10.0.0.1', '10.0.0.2', '50.0.0.5', ''].map((value) => [`remote_address=${value}`]),
  databases: ['users', 'default', 'other', ''].map((value) => [`database=${value}`]),
  messages: ['1', '2'].flatMap((number) => [
    [`number=${number}`],
    ['kind=marketing', `number=${number}`],
    ['kind=other', `number=${number}`],
    [`number=${number}`, 'kind=marketing'],
  ]),
};

const RULES = Object.fromEntries(CONFIGURATIONS.map(({ domain, text }) => [`${domain}.yaml`, text]));

// biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
const it = test.override('rules', RULES).extend('peer', { scope: 'file' }, ({}, { onCleanup }) => {
  const [host, port] = (PEER ?? '').split(':');
  const peer = new GrpcClient(Number(port), host);
  onCleanup(() => peer.close());
  return peer;
});

describe('next to a running envoyproxy/ratelimit', () => {
  it.for(Object.entries(VALUES))(
    'Weir answers single descriptors of %s with the same codes and remaining counts',
    async ([domain, values], { node, peer }) => {
      // In turns, so that each descriptor is sent until it is rejected.
      const requests = Array.from({ length: 6 * values.length }, (_, index) => [values[index % values.length] ?? []]);
      expect(await sendInOrder(node.decision, domain, requests)).toEqual(await sendInOrder(peer, domain, requests));
    },
  );
});
