// npm run matching: what it costs to find the rule of a descriptor, by how many rules the domain has.

import { matchRule } from '../../src/domain/rules/match-rule.ts';
import type { DomainRules, RuleBook } from '../../src/domain/rules/rule-book.ts';
import { parseRules } from '../../src/rules/parse/parse-rules.ts';

const RULES = [100, 1000, 10_000];
const QUESTIONS = 1000;
const ROUNDS = 400;
const RUNS = 5;
const LIMIT = 'rate_limit: {unit: minute, requests_per_unit: 5}';

/** A third each: exact values, wildcards below an exact value, wildcards beside the exact values. */
function bookOf(rules: number, head: string): RuleBook {
  const descriptors: string[] = [];
  for (let place = 0; place < rules / 3; place++) {
    descriptors.push(`  - {key: path, value: /exact/${place}, ${LIMIT}}`);
    const below = `descriptors: [{key: user, value: "u*", ${LIMIT}}]`;
    descriptors.push(`  - {key: path, value: /nested/${place}, ${below}}`);
    descriptors.push(`  - {key: path, value: /files/${place}/*/get, ${LIMIT}}`);
  }
  const text = `domain: shop\n${head}descriptors:\n${descriptors.join('\n')}\n  - {key: path, ${LIMIT}}\n`;
  const parsed = parseRules('shop.yaml', text);
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed[0]));
  return new Map<string, DomainRules>([[parsed.domain, parsed.root]]);
}

const QUESTION_KINDS: readonly (readonly [string, (place: number) => readonly (readonly [string, string])[]])[] = [
  ['exact', (place) => [['path', `/exact/${place}`]]],
  [
    'two entries',
    (place) => [
      ['path', `/nested/${place}`],
      ['user', `u${place}`],
    ],
  ],
  ['wildcard', (place) => [['path', `/files/${place}/readme/get`]]],
  ['key alone', (place) => [['path', `/other/path/${place}`]]],
  ['none', (place) => [['user', `u${place}`]]],
];

function microsecondsOf(book: RuleBook, questions: readonly { key: string; value: string }[][]): number {
  const runs: number[] = [];
  let found = 0;
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      for (const entries of questions) if (matchRule(book, 'shop', entries) !== undefined) found++;
    }
    runs.push(((performance.now() - started) * 1000) / (ROUNDS * questions.length));
  }
  if (found < 0) throw new Error('what is not used might not be done');
  return Math.min(...runs);
}

for (const [match, head] of [
  ['file order', ''],
  ['most specific', 'match: most_specific\n'],
] as const) {
  console.log(`\n${match}, µs per match\n\n| rules | ${QUESTION_KINDS.map(([name]) => name).join(' | ')} |`);
  console.log(`|---|${QUESTION_KINDS.map(() => '---|').join('')}`);
  for (const rules of RULES) {
    const book = bookOf(rules, head);
    const cells = QUESTION_KINDS.map(([, ask]) => {
      const questions = Array.from({ length: QUESTIONS }, (_, place) =>
        ask(place % Math.floor(rules / 3)).map(([key, value]) => ({ key, value })),
      );
      return microsecondsOf(book, questions).toFixed(2);
    });
    console.log(`| ${rules} | ${cells.join(' | ')} |`);
  }
}
