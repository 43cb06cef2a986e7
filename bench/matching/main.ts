// npm run matching: measures the time to find the rule of a descriptor, by the number of rules in the domain, and the route
// of a request, by the number of routes. Prints tables.
import type { DescriptorEntry } from '../../src/domain/descriptor.ts';
import { matchRule } from '../../src/domain/rules/match-rule.ts';
import type { RuleBook } from '../../src/domain/rules/rule-book.ts';
import { parseRules } from '../../src/rules/parse/parse-rules.ts';
import { printRouteTimes } from './route-times.ts';

const RULE_COUNTS = [100, 1000, 10_000];
const DESCRIPTORS = 1000;
const ROUNDS_PER_RUN = 400;
const RUNS = 5;
const DOMAIN = 'shop';
const LIMIT = 'rate_limit: {unit: minute, requests_per_unit: 5}';

/** The two ways to match, each with the line that selects it in a rules file. */
const MATCH_MODES = [
  { title: 'file order', setting: '' },
  { title: 'most specific', setting: 'match: most_specific\n' },
];

/** Descriptors by how they match. `entries` returns the descriptor for the rules with this index. */
const DESCRIPTOR_KINDS: readonly {
  readonly title: string;
  readonly entries: (index: number) => readonly DescriptorEntry[];
}[] = [
  { title: 'exact', entries: (index) => [{ key: 'path', value: `/exact/${index}` }] },
  {
    title: 'two entries',
    entries: (index) => [
      { key: 'path', value: `/nested/${index}` },
      { key: 'user', value: `u${index}` },
    ],
  },
  { title: 'wildcard', entries: (index) => [{ key: 'path', value: `/files/${index}/readme/get` }] },
  { title: 'key alone', entries: (index) => [{ key: 'path', value: `/other/path/${index}` }] },
  { title: 'none', entries: (index) => [{ key: 'user', value: `u${index}` }] },
];

for (const { title, setting } of MATCH_MODES) {
  console.log(`\n${title}, µs per match\n\n| rules | ${DESCRIPTOR_KINDS.map((kind) => kind.title).join(' | ')} |`);
  console.log(`|---|${DESCRIPTOR_KINDS.map(() => '---|').join('')}`);
  for (const ruleCount of RULE_COUNTS) {
    const book = createRuleBook(ruleCount, setting);
    const cells = DESCRIPTOR_KINDS.map(({ entries }) => {
      const descriptors = Array.from({ length: DESCRIPTORS }, (_, index) => entries(index % Math.floor(ruleCount / 3)));
      return measureMicros(book, descriptors).toFixed(2);
    });
    console.log(`| ${ruleCount} | ${cells.join(' | ')} |`);
  }
}

printRouteTimes();

/**
 * Creates rules of three kinds, a third each: exact values, wildcards below an exact value, and wildcards at the top.
 */
function createRuleBook(ruleCount: number, setting: string): RuleBook {
  const descriptors: string[] = [];
  for (let index = 0; index < ruleCount / 3; index++) {
    descriptors.push(`  - {key: path, value: /exact/${index}, ${LIMIT}}`);
    const nested = `descriptors: [{key: user, value: "u*", ${LIMIT}}]`;
    descriptors.push(`  - {key: path, value: /nested/${index}, ${nested}}`);
    descriptors.push(`  - {key: path, value: /files/${index}/*/get, ${LIMIT}}`);
  }
  const text = `domain: ${DOMAIN}\n${setting}descriptors:\n${descriptors.join('\n')}\n  - {key: path, ${LIMIT}}\n`;
  const parsed = parseRules('shop.yaml', text);
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed[0]));
  return new Map([[parsed.domain, parsed.root]]);
}

/** Time per match in µs: the shortest of several runs. */
function measureMicros(book: RuleBook, descriptors: readonly (readonly DescriptorEntry[])[]): number {
  const runs: number[] = [];
  let matches = 0;
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    for (let round = 0; round < ROUNDS_PER_RUN; round++) {
      for (const entries of descriptors) if (matchRule(book, DOMAIN, entries) !== undefined) matches++;
    }
    runs.push(((performance.now() - start) * 1000) / (ROUNDS_PER_RUN * descriptors.length));
  }
  // Uses the count. V8 could leave out calls whose results nothing uses.
  if (matches < 0) throw new Error('matches: must not be negative');
  return Math.min(...runs);
}
