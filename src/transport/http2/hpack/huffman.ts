import { byteAt } from '../frames/read-uint.ts';

/**
 * Lengths in bits of the codes of RFC 7541, appendix B, for the symbols 0–255 and the end of string. The code is
 * canonical (equal lengths are numbered in the order of their symbols), so that the lengths are the whole table.
 */
const CODE_LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];
const END_OF_STRING = 256;
const LONGEST_PADDING = 7;

/** A step of the decoder takes four bits; a step's entry is the next state, with the symbol that it completes. */
const STEP_BITS = 4;
const INVALID = -1;
const HAS_SYMBOL = 0x10000;

/** Children of node n are at 2n and 2n + 1: another node, or a symbol as its bitwise complement. */
function buildTree(): number[] {
  const tree = [0, 0];
  const lengthOf = (symbol: number) => CODE_LENGTHS[symbol] ?? 0;
  const symbols = CODE_LENGTHS.map((_, symbol) => symbol).sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
  let code = 0;
  let previous = lengthOf(symbols[0] ?? 0);
  for (const symbol of symbols) {
    const length = lengthOf(symbol);
    code *= 2 ** (length - previous);
    previous = length;
    insert(tree, code, length, symbol);
    code += 1;
  }
  return tree;
}

function insert(tree: number[], code: number, length: number, symbol: number): void {
  let node = 0;
  for (let bit = length - 1; bit > 0; bit--) {
    const at = node * 2 + ((code >>> bit) & 1);
    let child = tree[at] ?? 0;
    if (child === 0) {
      child = tree.length / 2;
      tree[at] = child;
      tree.push(0, 0);
    }
    node = child;
  }
  tree[node * 2 + (code & 1)] = ~symbol;
}

function buildSteps(tree: readonly number[]): Int32Array {
  const steps = new Int32Array((tree.length / 2) << STEP_BITS);
  for (let at = 0; at < steps.length; at++) {
    let node = at >>> STEP_BITS;
    let symbol = 0;
    for (let bit = STEP_BITS - 1; bit >= 0 && node !== INVALID; bit--) {
      const child = tree[node * 2 + ((at >>> bit) & 1)] ?? 0;
      if (child >= 0) node = child;
      else if (~child === END_OF_STRING) node = INVALID;
      else {
        symbol = HAS_SYMBOL | (~child << 8);
        node = 0;
      }
    }
    steps[at] = node === INVALID ? INVALID : symbol | node;
  }
  return steps;
}

/** States in which a string may end: after fewer than eight bits of the end of string's code, which are all ones. */
function buildEndings(tree: readonly number[]): Uint8Array {
  const endings = new Uint8Array(tree.length / 2);
  let node = 0;
  for (let bits = 0; bits <= LONGEST_PADDING; bits++) {
    endings[node] = 1;
    node = tree[node * 2 + 1] ?? 0;
  }
  return endings;
}

const TREE = buildTree();
const STEPS = buildSteps(TREE);
const ENDINGS = buildEndings(TREE);

/** The shortest code has five bits. */
export function longestDecoded(encodedLength: number): number {
  return Math.ceil((encodedLength * 8) / 5);
}

/** Decodes into `target`, which has room for `longestDecoded`; the decoded length, or -1 if it is not a valid string. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = byteAt(bytes, at);
    const high = STEPS[(state << STEP_BITS) | (byte >>> 4)] ?? INVALID;
    if (high === INVALID) return INVALID;
    if (high >= HAS_SYMBOL) target[length++] = (high >>> 8) & 0xff;
    const low = STEPS[((high & 0xff) << STEP_BITS) | (byte & 0xf)] ?? INVALID;
    if (low === INVALID) return INVALID;
    if (low >= HAS_SYMBOL) target[length++] = (low >>> 8) & 0xff;
    state = low & 0xff;
  }
  return ENDINGS[state] === 1 ? length : INVALID;
}
