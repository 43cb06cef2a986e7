import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterEach, describe, expect, it } from 'vitest';
import { createQuery, openDatabase } from '../../../src/database/open-database.ts';
import { SigningKeyServiceService } from '../../../src/generated/weir/admin/v1/signing_key_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { TestNode } from '../../support/node.ts';

const nodes: TestNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

async function startNode(environment: Record<string, string>): Promise<TestNode> {
  const node = await TestNode.start(environment);
  nodes.push(node);
  return node;
}

const formatKeySetUrl = (node: TestNode) => `http://127.0.0.1:${node.app.ports.http}/.well-known/jwks.json`;
const fetchKeySet = async (node: TestNode) => (await (await fetch(formatKeySetUrl(node))).json()) as JSONWebKeySet;
const createToken = async (node: TestNode) => (await node.signIn()).authorization?.slice('Bearer '.length) ?? '';

describe('the key set on the HTTP port', () => {
  it.each(['EdDSA', 'ES256', 'RS256'])(
    'verifies tokens signed with %s, with every role, and contains nothing private',
    async (algorithm) => {
      const DATABASE_URL = await newDatabase();
      const admin = await startNode({ DATABASE_URL, TOKEN_ALGORITHM: algorithm, WEIR_ROLE: 'admin' });
      const decision = await startNode({ DATABASE_URL, WEIR_ROLE: 'decision' });
      const token = await createToken(admin);
      for (const node of [admin, decision]) {
        const keySet = createRemoteJWKSet(new URL(formatKeySetUrl(node)));
        const { protectedHeader, payload } = await jwtVerify(token, keySet, { issuer: 'weir', audience: 'weir' });
        expect(protectedHeader.alg).toBe(algorithm);
        expect(payload.sub).toBeDefined();
        const { keys } = await fetchKeySet(node);
        expect(keys).toMatchObject([{ kid: protectedHeader.kid, alg: algorithm, use: 'sig' }]);
        expect(
          Object.keys(keys[0] ?? {}).filter((member) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].includes(member)),
        ).toEqual([]);
      }
    },
  );

  it('never contains a secret of HS256', async () => {
    const node = await startNode({ DATABASE_URL: await newDatabase(), TOKEN_ALGORITHM: 'HS256' });
    const response = await fetch(formatKeySetUrl(node));
    expect(await response.text()).toBe('{"keys":[]}');
    expect(response.headers.get('content-type')).toBe('application/jwk-set+json');
  });

  it('contains a new key before it signs, and may be cached for less than that time', async () => {
    const node = await startNode({ DATABASE_URL: await newDatabase() });
    const headers = await node.signIn();
    const { name } = await node.admin.call(SigningKeyServiceService.rotateSigningKey, {}, headers);
    const { keys } = await fetchKeySet(node);
    expect(keys.map(({ kid }) => `signingKeys/${kid}`)).toContain(name);
    await jwtVerify(await createToken(node), createLocalJWKSet({ keys }));
    const response = await fetch(formatKeySetUrl(node), { method: 'HEAD' });
    expect(response.headers.get('cache-control')).toBe('public, max-age=60');
    const post = await fetch(formatKeySetUrl(node), { method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('does not contain expired keys', async () => {
    const url = await newDatabase();
    const node = await startNode({ DATABASE_URL: url });
    const database = await openDatabase({ url });
    await createQuery(database)('update signing_key set expire_time = now()', []);
    await database.close(true);
    await expect.poll(() => fetchKeySet(node)).toEqual({ keys: [] });
  });
});
