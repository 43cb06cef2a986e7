import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLParseError,
} from 'yaml';
import { nearestName } from './misspelling.ts';

/** One thing that is wrong with a rules file, and where. */
export interface RulesFault {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly description: string;
}

/** All but tab, line feed and carriage return: YAML 1.2, production 1 (c-printable). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROL_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

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
    if (!this.#isReadable(document, text)) return undefined;
    const contents: unknown = document.contents;
    if (isMap(contents)) return contents;
    this.#fault(0, expected);
    return undefined;
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

  /** A text that is not empty; undefined, with a fault, where it is none. */
  requiredText(map: YAMLMap, field: string): string | undefined {
    const text = this.textOf(map, field);
    if (text !== '' && (text !== undefined || map.has(field))) return text;
    this.faultAt(map.get(field, true) ?? map, `${field}: must be a text that is not empty`);
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

  /**
   * What is written but not understood must not be dropped silently: it may have been meant to forbid something. What is
   * probably a field's name misspelt is read as that field from here on, so that its value's faults are told as well, and
   * not that the field is missing.
   */
  knownFields(map: YAMLMap, known: readonly string[]): void {
    for (const { key } of map.items as Pair<unknown>[]) {
      const name = isScalar(key) ? String(key.value) : '';
      if (known.includes(name)) continue;
      const missing = known.filter((field) => !map.has(field));
      const meant = nearestName(name, missing);
      const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
      this.faultAt(key, `${name || 'key'}: not supported here; ${hint}`);
      if (meant !== undefined && isScalar(key)) key.value = meant;
    }
  }

  /** A fault at the node; at the beginning of the file when it is undefined. */
  faultAt(node: unknown, description: string): void {
    if (isAlias(node)) return; // a fault already
    this.#fault((node as Node | undefined)?.range?.[0] ?? 0, description);
  }

  #fault(offset: number, description: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.faults.push({ file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1), description });
  }
}
