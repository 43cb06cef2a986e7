/** What a YAML file says, without how and where it is written. */
export type YamlValue = string | null | PlainScalar | YamlList | YamlMap;
/** Neither it nor a map is readonly: what was gone through is let go, and what is misspelt is put right. */
export type YamlList = YamlValue[];
/** Only own properties are fields. */
export type YamlMap = { [field: string]: YamlValue };

/** A number, or true or false, with the text that it is written as. */
export class PlainScalar {
  readonly value: number | boolean;
  readonly source: string;

  constructor(value: number | boolean, source: string) {
    this.value = value;
    this.source = source;
  }

  /** By it js-yaml knows that `toString` names the field where this is one's name. */
  get [Symbol.toStringTag](): string {
    return 'PlainScalar';
  }

  toString(): string {
    return String(this.value);
  }
}

export function isYamlList(value: YamlValue | undefined): value is YamlList {
  return Array.isArray(value);
}

export function isYamlMap(value: YamlValue | undefined): value is YamlMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof PlainScalar);
}

/** undefined: not written. */
export function fieldOf(map: YamlMap, field: string): YamlValue | undefined {
  return Object.hasOwn(map, field) ? map[field] : undefined;
}

/** What must not be in YAML: all but tab, line feed and carriage return: YAML 1.2, production 1 (c-printable). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
export const CONTROL_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** What may begin anything that is no text: `~`, `null`, `true`, `false`, `.inf` and numbers. */
const FIRST_OF_OTHERS = new Set('~nNtTfF.+-0123456789');
const NULL = /^(?:~|null|Null|NULL)?$/;
const TRUE = /^(?:true|True|TRUE)$/;
const FALSE = /^(?:false|False|FALSE)$/;
const DECIMAL = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const OCTAL = /^0o[0-7]+$/;
const HEXADECIMAL = /^0x[0-9a-fA-F]+$/;
const INFINITE = /^[-+]?\.(?:inf|Inf|INF)$/;
const NOT_A_NUMBER = /^\.(?:nan|NaN|NAN)$/;

/** What a scalar without quotes stands for by YAML's core schema (YAML 1.2, section 10.3.2). */
export function valueOfPlain(source: string): YamlValue {
  if (source !== '' && !FIRST_OF_OTHERS.has(source.charAt(0))) return source;
  if (NULL.test(source)) return null;
  if (TRUE.test(source)) return new PlainScalar(true, source);
  if (FALSE.test(source)) return new PlainScalar(false, source);
  const number = numberOf(source);
  return number === undefined ? source : new PlainScalar(number, source);
}

function numberOf(source: string): number | undefined {
  // Number() knows 0o17 and 0x1f as well.
  if (DECIMAL.test(source) || OCTAL.test(source) || HEXADECIMAL.test(source)) return Number(source);
  if (INFINITE.test(source)) return source.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return NOT_A_NUMBER.test(source) ? Number.NaN : undefined;
}
