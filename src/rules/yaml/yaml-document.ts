import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLParseError,
} from 'yaml';
import { countLines } from './count-lines.ts';
import { abbreviate, withFoundYaml } from './found-yaml.ts';
import type { FaultSink, RulesFault } from './rules-fault.ts';
import { findSyntaxError, isTooDeep } from './syntax-error.ts';
import { childLocation, formatLocation, type YamlLocation } from './yaml-location.ts';
import { CONTROL_CHARACTER, TypedScalar, type YamlMapping, type YamlValue } from './yaml-values.ts';

const MAX_FLOW_DEPTH = 100;
const MAX_INDENTATION = 200;

/** A parsed YAML file that knows the position of every value, and collects faults. */
export class YamlDocument implements FaultSink {
  readonly faults: RulesFault[] = [];
  /** undefined, with a fault, if the top of the file is not a mapping or cannot be parsed. */
  readonly contents: YamlMapping | undefined;
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #top: YAMLMap | undefined;

  /** `expected` describes what the top of the file must be. */
  constructor(file: string, text: string, expected: string) {
    this.#file = file;
    this.#lines = countLines(text);
    if (!this.#checkCharacters(text) || !this.#checkQuickly(text)) return;
    const document = parseDocument(text, { prettyErrors: false });
    if (!this.#checkSyntax(document, text)) return;
    const contents: unknown = document.contents;
    if (isMap(contents)) {
      this.#top = contents;
      this.contents = toMapping(contents);
    } else {
      this.#addFault(0, withFoundYaml(expected, contents === null ? undefined : toValue(contents)));
    }
  }

  get count(): number {
    return this.faults.length;
  }

  /** The position of the value at a location, or of the nearest existing value above it. Both numbers start at 1. */
  positionAt(location: YamlLocation): { readonly line: number; readonly column: number } {
    return this.#position(this.#findNode(location)?.range?.[0] ?? 0);
  }

  report(location: YamlLocation, description: string): void {
    const node = this.#findNode(location);
    if (isAlias(node)) return; // reported already
    this.#addFaultAt(node, location, description);
  }

  reportName(mapping: YamlLocation, name: string, description: string): void {
    const key = this.#findPair(mapping, name)?.key as Node | undefined; // keys of a parsed document are nodes
    this.#addFaultAt(key, childLocation(mapping, name), description);
  }

  renameField(mapping: YamlLocation, name: string, correctName: string): void {
    const key = this.#findPair(mapping, name)?.key;
    if (isScalar(key)) key.value = correctName;
  }

  #findPair(mapping: YamlLocation, name: string): Pair<unknown> | undefined {
    const node = this.#findNode(mapping);
    return isMap(node) ? findPairIn(node, name) : undefined;
  }

  /** Finds the node at a location, or the nearest existing node above it. */
  #findNode(location: YamlLocation): Node | undefined {
    if (location === undefined) return this.#top;
    const parent = this.#findNode(location.parent);
    if (isSeq(parent)) return (parent.items[Number(location.step)] as Node | undefined) ?? parent; // items are nodes
    if (!isMap(parent)) return parent;
    return (findPairIn(parent, String(location.step))?.value as Node | undefined) ?? parent; // values are nodes
  }

  /** Reports the first character that is not allowed. Returns whether there is none. */
  #checkCharacters(text: string): boolean {
    const control = CONTROL_CHARACTER.exec(text);
    if (control === null) return true;
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    this.#addFault(control.index, `invalid YAML: the character U+${code} is not allowed`);
    return false;
  }

  /** Reports the syntax error of a large text, if it can be found quickly. Returns false in that case. */
  #checkQuickly(text: string): boolean {
    const error = findSyntaxError(text);
    if (error === undefined) return true;
    this.#addFault(error.offset, `invalid YAML: ${error.message}`);
    return false;
  }

  /** Reports faults of the syntax. Returns whether the values of the document can be checked as well. */
  #checkSyntax(document: Document.Parsed, text: string): boolean {
    // Errors after the first mostly follow from it.
    const [first, ...others] = document.errors.filter(({ code }) => code !== 'DUPLICATE_KEY');
    if (first !== undefined) {
      this.#addSyntaxFault(first, text, others);
      return false;
    }
    for (const { pos } of document.errors) {
      this.#addFault(pos[0], 'duplicate field: a mapping must have each field only once');
    }
    for (const { pos, message } of document.warnings) this.#addFault(pos[0], `invalid YAML: ${message}`);
    visit(document, {
      Alias: (_, { source, range }) => {
        this.#addFault(range?.[0] ?? 0, `*${abbreviate(source)}: aliases are not supported; write out the value`);
        return visit.BREAK;
      },
    });
    return true;
  }

  #addSyntaxFault(first: YAMLParseError, text: string, others: readonly YAMLParseError[]): void {
    if ([first, ...others].some(isTooDeep)) {
      this.#addFault(findExcessiveNesting(text), 'invalid YAML: nested too deep');
    } else if (first.code === 'MULTIPLE_DOCS') {
      this.#addFault(first.pos[0], 'must be the only YAML document of its file; move the second one to another file');
    } else {
      this.#addFault(first.pos[0], `invalid YAML: ${first.message}`);
    }
  }

  #addFaultAt(node: Node | undefined, location: YamlLocation, description: string): void {
    this.#addFault(node?.range?.[0] ?? 0, `${formatLocation(location)}: ${description}`);
  }

  #addFault(offset: number, description: string): void {
    this.faults.push({ file: this.#file, ...this.#position(offset), description });
  }

  #position(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

/** Returns the offset at which nesting becomes much deeper than rules can be, and before it exhausts the call stack. */
function findExcessiveNesting(text: string): number {
  let flowDepth = 0;
  for (const { 0: found, index } of text.matchAll(/[[\]{}]|^ +/gm)) {
    if (found.startsWith(' ') ? found.length > MAX_INDENTATION : flowDepth > MAX_FLOW_DEPTH) return index;
    if (found === '[' || found === '{') flowDepth++;
    if (found === ']' || found === '}') flowDepth--;
  }
  return 0;
}

function toValue(node: unknown): YamlValue {
  if (isMap(node)) return toMapping(node);
  if (isSeq(node)) return node.items.map(toValue);
  if (!isScalar(node)) return null; // an alias, which is reported already
  const { value, source } = node;
  if (typeof value === 'number' || typeof value === 'boolean') return new TypedScalar(value, source ?? String(value));
  return typeof value === 'string' ? value : null;
}

/** Keeps the first of duplicate fields, which are reported already. */
function toMapping(map: YAMLMap): YamlMapping {
  const values = new Map<string, YamlValue>();
  for (const pair of map.items) {
    const name = fieldName(pair);
    if (!values.has(name)) values.set(name, toValue(pair.value));
  }
  return Object.fromEntries(values);
}

function findPairIn(map: YAMLMap, name: string): Pair<unknown> | undefined {
  return map.items.find((pair) => fieldName(pair) === name);
}

/** The name of a field; empty if the key is a sequence or a mapping. */
function fieldName({ key }: Pair<unknown>): string {
  return isScalar(key) ? String(key.value) : '';
}
