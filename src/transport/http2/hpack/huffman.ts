import { readUint8 } from '../frames/read-uint.ts';

/**
 * Lengths in bits of the codes of RFC 7541, appendix B, for the symbols 0–255 and the end of string. The code is
 * canonical (codes of equal length are numbered in the order of their symbols), so the lengths define it completely.
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
const MAX_PADDING_BITS = 7;

/**
 * The decoder is a state machine that takes four bits a step; its states are the inner nodes of the code's tree. An
 * entry of the step table is the next state, with HAS_SYMBOL and the symbol (in bits 8–15) if the step completes one.
 */
const STEP_BITS = 4;
const INVALID = -1;
const HAS_SYMBOL = 0x10000;

/**
 * Builds the tree of the code. The children of node n are at 2n and 2n + 1. A child is another node, or a symbol as its
 * bitwise complement.
 */
function buildTree(): number[] {
  const tree = [0, 0];
  const symbols = CODE_LENGTHS.map((length, symbol) => ({ length, symbol })).sort(
    (a, b) => a.length - b.length || a.symbol - b.symbol,
  );
  let code = 0;
  let codeLength = symbols[0]?.length ?? 0;
  for (const { length, symbol } of symbols) {
    code *= 2 ** (length - codeLength);
    codeLength = length;
    insertCode(tree, code, length, symbol);
    code += 1;
  }
  return tree;
}

function insertCode(tree: number[], code: number, length: number, symbol: number): void {
  let node = 0;
  for (let bit = length - 1; bit > 0; bit--) {
    const index = node * 2 + ((code >>> bit) & 1);
    let child = tree[index] ?? 0;
    if (child === 0) {
      child = tree.length / 2;
      tree[index] = child;
      tree.push(0, 0);
    }
    node = child;
  }
  tree[node * 2 + (code & 1)] = ~symbol;
}

/** Builds the step table. The index of an entry is the state, shifted by STEP_BITS, with the next bits of the input. */
function buildSteps(tree: readonly number[]): Int32Array {
  const steps = new Int32Array((tree.length / 2) << STEP_BITS);
  for (let index = 0; index < steps.length; index++) {
    let node = index >>> STEP_BITS;
    let symbol = 0;
    for (let bit = STEP_BITS - 1; bit >= 0 && node !== INVALID; bit--) {
      const child = tree[node * 2 + ((index >>> bit) & 1)] ?? 0;
      if (child >= 0) node = child;
      else if (~child === END_OF_STRING) node = INVALID;
      else {
        symbol = HAS_SYMBOL | (~child << 8);
        node = 0;
      }
    }
    steps[index] = node === INVALID ? INVALID : symbol | node;
  }
  return steps;
}

/**
 * Marks the states in which a string may end: those after fewer than eight bits of the end-of-string code, which
 * consists of ones.
 */
function buildEndStates(tree: readonly number[]): Uint8Array {
  const endStates = new Uint8Array(tree.length / 2);
  let node = 0;
  for (let bits = 0; bits <= MAX_PADDING_BITS; bits++) {
    endStates[node] = 1;
    node = tree[node * 2 + 1] ?? 0;
  }
  return endStates;
}

const TREE = buildTree();
const STEPS = buildSteps(TREE);
const END_STATES = buildEndStates(TREE);

/** Returns the most bytes to which `encodedLength` bytes can decode: the shortest code has five bits. */
export function maxDecodedLength(encodedLength: number): number {
  return Math.ceil((encodedLength * 8) / 5);
}

/**
 * Decodes a string into `target`, which must have room for `maxDecodedLength` bytes. Returns the decoded length, or -1
 * when the string is invalid.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let offset = start; offset < end; offset++) {
    const byte = readUint8(bytes, offset);
    const high = STEPS[(state << STEP_BITS) | (byte >>> 4)] ?? INVALID;
    if (high === INVALID) return INVALID;
    if (high >= HAS_SYMBOL) target[length++] = (high >>> 8) & 0xff;
    const low = STEPS[((high & 0xff) << STEP_BITS) | (byte & 0xf)] ?? INVALID;
    if (low === INVALID) return INVALID;
    if (low >= HAS_SYMBOL) target[length++] = (low >>> 8) & 0xff;
    state = low & 0xff;
  }
  return END_STATES[state] === 1 ? length : INVALID;
}
