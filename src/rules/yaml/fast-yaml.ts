import { FAILSAFE_SCHEMA, type LoadOptions, load, Type } from 'js-yaml';
import { BoundedMap } from '../../collections/bounded-map.ts';
import {
  CONTROL_CHARACTER,
  isYamlMapping,
  resolvePlainScalar,
  type TypedScalar,
  type YamlMapping,
  type YamlValue,
} from './yaml-values.ts';

/**
 * Text that js-yaml may read differently from YamlDocument: tags, aliases and explicit keys (`? key`), or text that
 * looks like one of them; keys that are sequences or mappings, which js-yaml turns into strings; a carriage return
 * without a line feed.
 */
const AMBIGUOUS = /(?:^|[\s,[{:])(?:!|\*[^\s,[\]{}]|\?\s)|[\]}]\s*:|[,{]\s*(?:#[^\n]*\n\s*)*\[|\r(?!\n)/;

/** Together they are ambiguous too: js-yaml may take a line of spaces and a tab for the end of a block scalar. */
const BLOCK_SCALAR = /[|>][-+\d]*[ \t]*(?:#[^\n]*)?\n/;
const TAB_IN_INDENTATION = /\n *\t/;

/** Files repeat the same keys, units and numbers many times. Scalars up to this length are resolved once. */
const MAX_CACHED_LENGTH = 64;
const MAX_CACHED_SCALARS = 10_000;

/**
 * Parses a file without positions, in a twentieth of the time and a tenth of the memory that YamlDocument needs.
 * Returns undefined if the file is invalid, or if the two parsers might read it differently. Otherwise the result
 * equals `contents` of YamlDocument, with one exception: YamlDocument also rejects closing brackets and quotes that are
 * not indented enough.
 */
export function parseFastYaml(text: string): YamlMapping | undefined {
  if (CONTROL_CHARACTER.test(text) || isAmbiguous(text)) return undefined;
  try {
    const contents = load(text, { schema: createSchema() }) as YamlValue | undefined; // the schema makes nothing else
    return isYamlMapping(contents) ? contents : undefined;
  } catch {
    return undefined;
  }
}

/** Calls `listener` at the start and the end of each node of a text that parseFastYaml accepts. */
export function visitNodes(text: string, listener: NonNullable<LoadOptions['listener']>): void {
  load(text, { schema: createSchema(), listener });
}

function isAmbiguous(text: string): boolean {
  return AMBIGUOUS.test(text) || (BLOCK_SCALAR.test(text) && TAB_IN_INDENTATION.test(text));
}

/** Creates YAML's core schema, without any tags other than those of strings, sequences and mappings. */
function createSchema(): typeof FAILSAFE_SCHEMA {
  const cache = new BoundedMap<string, string | null | TypedScalar>(MAX_CACHED_SCALARS, 'keep');
  const construct = (scalar: string | null): string | null | TypedScalar => {
    const source = scalar ?? '';
    let value = cache.get(source);
    if (value !== undefined) return value;
    value = resolvePlainScalar(source);
    if (source.length <= MAX_CACHED_LENGTH) cache.set(source, value);
    return value;
  };
  const plain = new Type('tag:weir,2026:plain', { kind: 'scalar', resolve: () => true, construct });
  return FAILSAFE_SCHEMA.extend({ implicit: [plain] });
}
