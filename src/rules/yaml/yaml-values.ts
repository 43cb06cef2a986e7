/** A value of a YAML file, without its position and style. */
export type YamlValue = string | null | TypedScalar | YamlSequence | YamlMapping;
/** Mutable: the parser of descriptors drops the items it is done with. */
export type YamlSequence = YamlValue[];
/** Only own properties are fields. Mutable: the field readers correct misspelled names. */
export type YamlMapping = { [field: string]: YamlValue };

/** A number or boolean, with the text that it has in the file. */
export class TypedScalar {
  readonly value: number | boolean;
  readonly source: string;

  constructor(value: number | boolean, source: string) {
    this.value = value;
    this.source = source;
  }

  /** js-yaml reads this for scalars that name a field. With it, js-yaml takes `toString` for the name. */
  get [Symbol.toStringTag](): string {
    return 'TypedScalar';
  }

  toString(): string {
    return String(this.value);
  }
}

export function isYamlSequence(value: YamlValue | undefined): value is YamlSequence {
  return Array.isArray(value);
}

export function isYamlMapping(value: YamlValue | undefined): value is YamlMapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof TypedScalar);
}

/** undefined: the mapping does not have the field. */
export function getField(mapping: YamlMapping, field: string): YamlValue | undefined {
  return Object.hasOwn(mapping, field) ? mapping[field] : undefined;
}

/**
 * A character that YAML does not allow: all control characters except tab, line feed and carriage return. YAML 1.2,
 * production 1 (c-printable).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose.
export const CONTROL_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** First characters of all plain scalars that are not strings: `~`, `null`, `true`, `false`, `.inf` and numbers. */
const FIRST_OF_NON_STRINGS = new Set('~nNtTfF.+-0123456789');
const NULL = /^(?:~|null|Null|NULL)?$/;
const TRUE = /^(?:true|True|TRUE)$/;
const FALSE = /^(?:false|False|FALSE)$/;
const DECIMAL = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const OCTAL = /^0o[0-7]+$/;
const HEXADECIMAL = /^0x[0-9a-fA-F]+$/;
const INFINITE = /^[-+]?\.(?:inf|Inf|INF)$/;
const NOT_A_NUMBER = /^\.(?:nan|NaN|NAN)$/;

/** Resolves a plain scalar, which is one without quotes, by YAML's core schema (YAML 1.2, section 10.3.2). */
export function resolvePlainScalar(source: string): string | null | TypedScalar {
  if (source !== '' && !FIRST_OF_NON_STRINGS.has(source.charAt(0))) return source;
  if (NULL.test(source)) return null;
  if (TRUE.test(source)) return new TypedScalar(true, source);
  if (FALSE.test(source)) return new TypedScalar(false, source);
  const number = resolveNumber(source);
  return number === undefined ? source : new TypedScalar(number, source);
}

function resolveNumber(source: string): number | undefined {
  // Number() reads 0o17 and 0x1f as well.
  if (DECIMAL.test(source) || OCTAL.test(source) || HEXADECIMAL.test(source)) return Number(source);
  if (INFINITE.test(source)) return source.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return NOT_A_NUMBER.test(source) ? Number.NaN : undefined;
}
