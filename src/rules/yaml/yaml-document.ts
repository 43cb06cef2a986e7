import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLParseError,
} from 'yaml';
import type { FaultSink, RulesFault, YamlLocation } from './rules-fault.ts';
import { CONTROL_CHARACTER, PlainScalar, type YamlMap, type YamlValue } from './yaml-values.ts';

const DEEPEST_FLOW = 100;
const DEEPEST_INDENTATION = 200;

/** Where the nesting of a text becomes absurd: far deeper than rules may be, and not so deep that the stack ends. */
function placeOfDepth(text: string): number {
  let depth = 0;
  for (const { 0: found, index } of text.matchAll(/[[\]{}]|^ +/gm)) {
    if (found.startsWith(' ') ? found.length > DEEPEST_INDENTATION : depth > DEEPEST_FLOW) return index;
    if (found === '[' || found === '{') depth++;
    if (found === ']' || found === '}') depth--;
  }
  return 0;
}

/** A YAML file that knows where everything in it stands, and collects what is wrong with it. */
export class YamlDocument implements FaultSink {
  readonly faults: RulesFault[] = [];
  /** undefined, with a fault, where it is no map. */
  readonly contents: YamlMap | undefined;
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #top: YAMLMap | undefined;

  /** `expected` describes what its top must be. */
  constructor(file: string, text: string, expected: string) {
    this.#file = file;
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    if (!this.#isReadable(document, text)) return;
    const contents: unknown = document.contents;
    if (isMap(contents)) {
      this.#top = contents;
      this.contents = valuesOfMap(contents);
    } else {
      this.#fault(0, expected);
    }
  }

  get count(): number {
    return this.faults.length;
  }

  at(location: YamlLocation, description: string): void {
    const node = this.#nodeAt(location);
    if (isAlias(node)) return; // a fault already
    this.#fault(node?.range?.[0] ?? 0, description);
  }

  atKey(map: YamlLocation, key: string, description: string): void {
    const written = this.#pairAt(map, key)?.key as Node | undefined; // keys are nodes in what was parsed
    this.#fault(written?.range?.[0] ?? 0, description);
  }

  rename(map: YamlLocation, key: string, meant: string): void {
    const written = this.#pairAt(map, key)?.key;
    if (isScalar(written)) written.value = meant;
  }

  #pairAt(map: YamlLocation, key: string): Pair<unknown> | undefined {
    const node = this.#nodeAt(map);
    return isMap(node) ? pairOf(node, key) : undefined;
  }

  /** The value, or the last one on the way to it that is there. */
  #nodeAt(location: YamlLocation): Node | undefined {
    if (location === undefined) return this.#top;
    const above = this.#nodeAt(location.parent);
    if (isSeq(above)) return (above.items[Number(location.step)] as Node | undefined) ?? above; // items are nodes
    if (!isMap(above)) return above;
    return (pairOf(above, String(location.step))?.value as Node | undefined) ?? above; // as values are
  }

  /** Whether the document can be gone through, in which more may be wrong. */
  #isReadable(document: Document.Parsed, text: string): boolean {
    const control = CONTROL_CHARACTER.exec(text);
    if (control !== null) {
      const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
      this.#fault(control.index, `the character U+${code} must not be in YAML`);
      return false;
    }
    // What comes behind the first one mostly follows from it.
    const [first, ...others] = document.errors.filter(({ code }) => code !== 'DUPLICATE_KEY');
    if (first !== undefined) {
      this.#syntaxFault(first, text, others);
      return false;
    }
    for (const { pos, message } of [...document.errors, ...document.warnings]) this.#fault(pos[0], message);
    visit(document, {
      Alias: (_, { source, range }) => {
        this.#fault(range?.[0] ?? 0, `*${source}: aliases are not supported; what they stand for must be written out`);
        return visit.BREAK;
      },
    });
    return true;
  }

  #syntaxFault(first: YAMLParseError, text: string, others: readonly YAMLParseError[]): void {
    // The library tells by an error at whichever depth ended the stack.
    const isTooDeep = [first, ...others].some(({ message }) => message.includes('call stack'));
    if (isTooDeep) this.#fault(placeOfDepth(text), 'is nested too deep to be read');
    else if (first.code === 'MULTIPLE_DOCS')
      this.#fault(first.pos[0], 'a second document must be in a file of its own');
    else this.#fault(first.pos[0], first.message);
  }

  #fault(offset: number, description: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.faults.push({ file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1), description });
  }
}

function valueAt(node: unknown): YamlValue {
  if (isMap(node)) return valuesOfMap(node);
  if (isSeq(node)) return node.items.map(valueAt);
  if (!isScalar(node)) return null; // an alias, which is a fault
  const { value, source } = node;
  if (typeof value === 'number' || typeof value === 'boolean') return new PlainScalar(value, source ?? String(value));
  return typeof value === 'string' ? value : null;
}

/** Of a field that is there twice, which is a fault, the first. */
function valuesOfMap(map: YAMLMap): YamlMap {
  const values = new Map<string, YamlValue>();
  for (const pair of map.items) {
    const name = nameOf(pair);
    if (!values.has(name)) values.set(name, valueAt(pair.value));
  }
  return Object.fromEntries(values);
}

function pairOf(map: YAMLMap, name: string): Pair<unknown> | undefined {
  return map.items.find((pair) => nameOf(pair) === name);
}

/** Empty where the key is a list or a map. */
function nameOf({ key }: Pair<unknown>): string {
  return isScalar(key) ? String(key.value) : '';
}
