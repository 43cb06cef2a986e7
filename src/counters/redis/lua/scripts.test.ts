import { type Chunk, type Identifier, type Node, parse } from 'luaparse';
import { describe, expect, it } from 'vitest';
import {
  CHARGE_SCRIPT,
  CLAIM_SCRIPT,
  CORRECT_SCRIPT,
  FILL_SCRIPT,
  HISTORY_SCRIPT,
  LATE_SCRIPT,
  NODES_SCRIPT,
  REFUND_SCRIPT,
  RESTORE_SCRIPT,
} from './scripts.ts';

/** Globals of Redis and of Lua's base library (redis.io, "Redis Lua API reference"). */
const GLOBALS = new Set([
  ...['ARGV', 'KEYS', 'redis', 'struct'],
  ...['math', 'pairs', 'pcall', 'string', 'table', 'tonumber', 'type', 'unpack'],
]);

interface ParsedScript {
  readonly globals: readonly string[];
  /** How often each identifier occurs. */
  readonly uses: ReadonlyMap<string, number>;
  /** Names of locals and parameters. */
  readonly locals: readonly string[];
  /** For each table that is assigned to `counter`, its number of values. */
  readonly counterSizes: readonly number[];
  /** All n for which the script reads or writes `counter[n]`. */
  readonly counterPositions: readonly number[];
}

/** Throws on a syntax error. */
function parseScript(text: string): ParsedScript {
  const locals: string[] = [];
  const nodes: Node[] = [];
  const chunk = parse(text, {
    luaVersion: '5.1',
    scope: true,
    // @types/luaparse expects an Identifier here; luaparse passes its name.
    onLocalDeclaration: (name: unknown) => locals.push(String(name)),
    onCreateNode: (node) => nodes.push(node),
  });
  const { globals } = chunk as Chunk & { globals: readonly Identifier[] }; // `scope` adds it, unknown to @types/luaparse
  return { globals: globals.map(({ name }) => name), uses: countUses(nodes), locals, ...readCounters(nodes) };
}

function countUses(nodes: readonly Node[]): Map<string, number> {
  const uses = new Map<string, number>();
  for (const node of nodes) if (node.type === 'Identifier') uses.set(node.name, (uses.get(node.name) ?? 0) + 1);
  return uses;
}

function readCounters(nodes: readonly Node[]): Pick<ParsedScript, 'counterSizes' | 'counterPositions'> {
  const counterSizes: number[] = [];
  const counterPositions: number[] = [];
  for (const node of nodes) {
    if (node.type === 'AssignmentStatement') {
      const [variable, value] = [node.variables[0], node.init[0]];
      const isCounter = variable?.type === 'Identifier' && variable.name === 'counter';
      if (isCounter && value?.type === 'TableConstructorExpression') counterSizes.push(value.fields.length);
    }
    if (node.type === 'IndexExpression' && node.base.type === 'Identifier' && node.base.name === 'counter') {
      if (node.index.type === 'NumericLiteral') counterPositions.push(node.index.value);
    }
  }
  return { counterSizes, counterPositions };
}

describe.each([
  ['charge', CHARGE_SCRIPT],
  ['refund', REFUND_SCRIPT],
  ['correct', CORRECT_SCRIPT],
  ['late', LATE_SCRIPT],
  ['nodes', NODES_SCRIPT],
  ['fill', FILL_SCRIPT],
  ['history', HISTORY_SCRIPT],
  ['claim', CLAIM_SCRIPT],
  ['restore', RESTORE_SCRIPT],
])('the %s script', (_, { text }) => {
  it('is valid Lua 5.1', () => {
    expect(() => parseScript(text)).not.toThrow();
  });

  it('uses no globals but those that Redis provides', () => {
    expect(parseScript(text).globals.filter((name) => !GLOBALS.has(name))).toEqual([]);
  });

  it('uses every local that it declares, except functions that it shares with the charge script', () => {
    const { locals, uses } = parseScript(text);
    const shared = parseScript(CHARGE_SCRIPT.text).uses;
    expect(locals.filter((name) => uses.get(name) === 1 && (shared.get(name) ?? 0) < 2)).toEqual([]);
  });

  it('gives each new counter a value for every field that it reads', () => {
    const { counterSizes, counterPositions } = parseScript(text);
    for (const size of counterSizes) expect(size).toBe(Math.max(...counterPositions));
  });

  it('contains no comments', () => {
    expect(text).not.toContain('--');
  });
});
