import { describe, expect, it } from 'vitest';
import { parseRules } from '../../src/rules/parse/parse-rules.ts';

const RULES = 10_000;
const ROUNDS = 5;

/** Writes a file of rules. Every `faultyEvery`-th rule has a fault. */
function writeRules(faultyEvery: number): string {
  const rules = Array.from({ length: RULES }, (_, index) => {
    const unit = (index + 1) % faultyEvery === 0 ? 'fortnight' : 'minute';
    return `  - key: path\n    value: /${index}\n    rate_limit:\n      unit: ${unit}\n      requests_per_unit: ${index}\n`;
  });
  return `domain: shop\ndescriptors:\n${rules.join('')}`;
}

function countFaults(text: string): number {
  const parsed = parseRules('f.yaml', text);
  return 'root' in parsed ? 0 : parsed.length;
}

/** The least CPU time of several rounds, in µs, for each of the texts, which take turns. */
function measureCpu(texts: readonly string[]): readonly number[] {
  const least = texts.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, text] of texts.entries()) {
      const before = process.cpuUsage();
      parseRules('f.yaml', text);
      const { user, system } = process.cpuUsage(before);
      least[index] = Math.min(least[index] ?? 0, user + system);
    }
  }
  return least;
}

describe('a rules file with faults', () => {
  it('costs a few times what it costs without faults, however many there are', () => {
    const texts = [writeRules(RULES + 1), writeRules(100), writeRules(10)];
    expect(texts.map(countFaults)).toEqual([0, 100, 1000]);
    const [none = 0, some = 0, many = 0] = measureCpu(texts);
    // Measured: 1.5 and 1.1. When YamlDocument parsed every file with faults, the first was 8.
    expect(some / none).toBeLessThan(4);
    expect(many / some).toBeLessThan(3);
  });
});
