import type { EventType, State } from 'js-yaml';
import { countLeftOut, visitNodes } from './fast-yaml.ts';
import { isYamlMapping, isYamlSequence, type YamlMapping, type YamlSequence, type YamlValue } from './yaml-values.ts';

/** A node of a text: its index in the order in which nodes start. */
export type NodeIndex = number;

/** A field of a mapping. */
export interface FieldNodes {
  readonly key: NodeIndex;
  readonly value: NodeIndex;
}

/**
 * Offsets of the nodes of a text that the fast parser accepts. They are those of YamlDocument, at a tenth of its cost.
 * Where the fast parser does not say enough for that, the functions return undefined.
 */
export class NodeOffsets {
  readonly top: NodeIndex = 0;
  readonly #text: string;
  /** The parser leaves out a byte order mark. */
  readonly #leftOut: number;
  /** By node: where the parser began to look for it. */
  readonly #starts: number[] = [];
  /** By node: the first node after it and its descendants. */
  readonly #ends: NodeIndex[] = [];
  /** By node: its value; undefined if it has no text. */
  readonly #values: (YamlValue | undefined)[] = [];
  readonly #open: NodeIndex[] = [];
  readonly #fields = new Map<NodeIndex, Map<string, FieldNodes> | undefined>();
  readonly #items = new Map<NodeIndex, readonly NodeIndex[] | undefined>();

  /** `text` is one that parseFastYaml accepts. */
  constructor(text: string) {
    this.#text = text;
    this.#leftOut = countLeftOut(text);
    visitNodes(text, (event, state) => this.#add(event, state));
  }

  value(node: NodeIndex): YamlValue | undefined {
    return this.#values[node];
  }

  /** Returns the nodes of the fields of a mapping, by name. */
  fields(node: NodeIndex): ReadonlyMap<string, FieldNodes> | undefined {
    const mapping = this.#values[node];
    if (!this.#fields.has(node))
      this.#fields.set(node, isYamlMapping(mapping) ? this.#readFields(node, mapping) : undefined);
    return this.#fields.get(node);
  }

  /** Makes later calls of `fields` list a field by another name. */
  renameField(mapping: NodeIndex, name: string, newName: string): void {
    const field = this.fields(mapping)?.get(name);
    if (field === undefined) return;
    this.#fields.get(mapping)?.delete(name);
    this.#fields.get(mapping)?.set(newName, field);
  }

  /** Returns the nodes of the items of a sequence. */
  items(node: NodeIndex): readonly NodeIndex[] | undefined {
    const sequence = this.#values[node];
    if (!this.#items.has(node)) {
      this.#items.set(node, isYamlSequence(sequence) ? this.#readItems(node, sequence) : undefined);
    }
    return this.#items.get(node);
  }

  /** Returns the offset at which a node starts. undefined: it has an anchor, or its text would be in a later line. */
  offset(node: NodeIndex): number | undefined {
    const start = this.#starts[node];
    if (start === undefined) return undefined;
    const from = start + this.#leftOut;
    const offset = this.#skipSeparation(from);
    if (this.#text[offset] === '&') return undefined;
    return this.#values[node] === undefined ? this.#emptyOffset(from) : offset;
  }

  #add(event: EventType, { position, kind, result }: State): void {
    if (event === 'open') {
      this.#open.push(this.#starts.length);
      this.#starts.push(position);
      this.#ends.push(0);
      this.#values.push(undefined);
      return;
    }
    const node = this.#open.pop();
    if (node === undefined) return;
    this.#ends[node] = this.#starts.length;
    // Contrary to its type, `kind` is null if nothing was found. `result` is what parseFastYaml returns a part of.
    this.#values[node] = kind === null ? undefined : (result as YamlValue);
  }

  /** Returns the nodes directly below a node. */
  #children(node: NodeIndex): readonly NodeIndex[] {
    const value = this.#values[node];
    let parent = node;
    // The parser starts a node again when it finds that no block mapping starts there.
    while (parent + 1 < this.#end(node) && this.#values[parent + 1] === value) parent++;
    const children: NodeIndex[] = [];
    for (let child = parent + 1; child < this.#end(parent); child = this.#end(child)) children.push(child);
    return children;
  }

  #end(node: NodeIndex): NodeIndex {
    return this.#ends[node] ?? this.#ends.length;
  }

  /** undefined: some fields have no value of their own, as in `{a, b}`. */
  #readFields(node: NodeIndex, mapping: YamlMapping): Map<string, FieldNodes> | undefined {
    const children = this.#children(node);
    const fields = new Map<string, FieldNodes>();
    for (let index = 0; index + 1 < children.length; index += 2) {
      const [key, value] = children.slice(index, index + 2);
      if (key !== undefined && value !== undefined) fields.set(String(this.#values[key] ?? null), { key, value });
    }
    return fields.size === Object.keys(mapping).length ? fields : undefined;
  }

  /** undefined: some items are a pair, as in `[a: b]`, or are empty. */
  #readItems(node: NodeIndex, sequence: YamlSequence): readonly NodeIndex[] | undefined {
    const children = this.#children(node);
    return children.length === sequence.length ? children : undefined;
  }

  /** Skips spaces, line breaks and comments. */
  #skipSeparation(from: number): number {
    let offset = from;
    for (;;) {
      const character = this.#text[offset];
      if (character === '#') offset = this.#endOfLine(offset);
      else if (character === '\r' || character === '\n' || isSpace(character)) offset++;
      else return offset;
    }
  }

  #endOfLine(offset: number): number {
    const end = this.#text.indexOf('\n', offset);
    return end === -1 ? this.#text.length : end;
  }

  /** Returns the offset of a value without text: after the colon and spaces. undefined: the colon is in another line. */
  #emptyOffset(from: number): number | undefined {
    let colonEnd = from;
    while (isSpace(this.#text[colonEnd - 1])) colonEnd--;
    if (this.#text[colonEnd - 1] !== ':') return undefined;
    let offset = from;
    while (isSpace(this.#text[offset])) offset++;
    return offset;
  }
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}
