import { describe, expect, it } from 'vitest';
import { buildRuleTree } from './rule-tree.ts';

const rule = (domain: string, path: string, ok = 0, overLimit = 0) => ({
  domain,
  path: `${domain} ${path}`,
  entries: path.split(',').map((entry) => ({ key: entry.split('=')[0] ?? '', value: entry.split('=')[1] ?? '' })),
  counts: { ok: String(ok), overLimit: String(overLimit) },
});

describe('buildRuleTree', () => {
  it('makes one branch of what rules begin with, in their order', () => {
    const tree = buildRuleTree([rule('shop', 'path=/b,user'), rule('shop', 'path=/a'), rule('shop', 'path=/b')]);
    expect(tree).toMatchObject([
      {
        name: 'shop',
        branches: [
          { name: 'path=/b', rules: [{ path: 'shop path=/b' }], branches: [{ name: 'user' }] },
          { name: 'path=/a', branches: [] },
        ],
      },
    ]);
  });

  it('adds up what the rules of a branch decided and refused', () => {
    const [shop, edge] = buildRuleTree([
      rule('shop', 'path=/a', 10, 5),
      rule('shop', 'path=/a,user', 1, 1),
      { domain: 'edge', counts: { rejectedChecks: '7' } },
    ]);
    expect(shop).toMatchObject({ decided: 17, refused: 6 });
    expect(edge).toMatchObject({ decided: 7, refused: 7, rules: [{ domain: 'edge' }] });
  });
});
