import { isMap, isScalar, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';

/** One thing that is wrong with a rules file, and where. */
export interface RulesFault {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly description: string;
}

/** Reads a YAML file and collects what is wrong with it, each with its place. */
export class YamlReader {
  readonly faults: RulesFault[] = [];
  readonly #file: string;
  readonly #lines = new LineCounter();

  constructor(file: string) {
    this.#file = file;
  }

  /** The map that the text is; undefined, with a fault that describes it as `expected`, when it is none. */
  parse(text: string, expected: string): YAMLMap | undefined {
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { pos, message } of document.errors) this.#fault(pos[0], message);
    if (this.faults.length > 0) return undefined;
    const contents: unknown = document.contents;
    if (isMap(contents)) return contents;
    this.#fault(0, expected);
    return undefined;
  }

  /** A text, as which YAML may also write a number (`value: 404`); undefined when absent. */
  textOf(map: YAMLMap, field: string): string | undefined {
    const node: unknown = map.get(field, true);
    if (node === undefined) return undefined;
    if (isScalar(node) && typeof node.value === 'string') return node.value;
    if (isScalar(node) && typeof node.value !== 'object' && node.source !== undefined) return node.source;
    this.faultAt(node, `${field}: must be a text`);
    return undefined;
  }

  /** false when absent. */
  flagOf(map: YAMLMap, field: string): boolean {
    const node: unknown = map.get(field, true);
    if (node === undefined) return false;
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    this.faultAt(node, `${field}: must be true or false`);
    return false;
  }

  /** What is written but not understood must not be dropped silently: it may have been meant to forbid something. */
  knownFields(map: YAMLMap, known: readonly string[]): void {
    for (const { key } of map.items as Pair<unknown>[]) {
      const name = isScalar(key) ? String(key.value) : '';
      if (!known.includes(name))
        this.faultAt(key, `${name || 'key'}: not supported here; known are ${known.join(', ')}`);
    }
  }

  /** A fault at the node; at the beginning of the file when it is undefined. */
  faultAt(node: unknown, description: string): void {
    this.#fault((node as Node | undefined)?.range?.[0] ?? 0, description);
  }

  #fault(offset: number, description: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.faults.push({ file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1), description });
  }
}
