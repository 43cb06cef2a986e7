import { FAILSAFE_SCHEMA, type LoadOptions, load, type Mark, Type, YAMLException } from 'js-yaml';
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

const BYTE_ORDER_MARK = '\ufeff';

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

/**
 * Returns the offset at which the parser gives up a text that is invalid. undefined: it does not say, or might read the
 * text differently from YamlDocument. Fields that a mapping has twice are accepted. Until then, calls `listener` at the
 * start and the end of each node.
 */
export function findFailure(text: string, listener: NonNullable<LoadOptions['listener']>): number | undefined {
  if (isAmbiguous(text)) return undefined;
  try {
    load(text, { schema: createSchema(), listener, json: true });
  } catch (error) {
    // Contrary to its type, the exception about several documents has no mark.
    const mark: Mark | undefined = error instanceof YAMLException ? error.mark : undefined;
    return mark === undefined ? undefined : mark.position + countLeftOut(text);
  }
  return undefined;
}

/** Length of the byte order mark of a text. The parser leaves it out, so it does not count in its positions. */
export function countLeftOut(text: string): number {
  return text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
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
