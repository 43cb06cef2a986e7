import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newDatabase } from '../../../support/databases.ts';
import { GrpcClient } from '../../../support/grpc-client.ts';
import { TestNode } from '../../../support/node.ts';
import { answersOf, CONFIGURATIONS } from './configurations.ts';

/**
 * `host:port` of an envoyproxy/ratelimit that has the folder configurations/ for its configuration, and empty
 * counters. Not near the end of an hour, at which its windows end.
 */
const PEER = process.env.PEER_RLS;

/** Values that fit several rules each, or none. */
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

describe.skipIf(PEER === undefined)('beside a running envoyproxy/ratelimit', () => {
  let folder: string;
  let node: TestNode;
  let peer: GrpcClient;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
    for (const { domain, text } of CONFIGURATIONS) await writeFile(path.join(folder, `${domain}.yaml`), text);
    node = await TestNode.start({ DATABASE_URL: await newDatabase(), RULES_PATH: folder });
    const [host, port] = (PEER ?? '').split(':');
    peer = new GrpcClient(Number(port), host);
  });
  afterAll(async () => {
    peer?.close();
    await node?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(Object.entries(VALUES))(
    'single descriptors of %s get the same codes and remaining counts',
    async (domain, values) => {
      // Round about, so that each is asked until it is refused.
      const asked = Array.from({ length: 6 * values.length }, (_, place) => [values[place % values.length] ?? []]);
      expect(await answersOf(node.decision, domain, asked)).toEqual(await answersOf(peer, domain, asked));
    },
  );
});
