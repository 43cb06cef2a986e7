/** An entry that a condition or a variable of Limitador refers to. */
export interface LimitadorEntry {
  /** Index of the descriptor. undefined: the older form, which names none. */
  readonly descriptor: number | undefined;
  readonly key: string;
  /** undefined: a variable, so each value is counted by itself. */
  readonly value: string | undefined;
}

/** `descriptors[0].key`, `descriptors[0]['key']`, or `key` alone in files of older versions. */
const REFERENCE =
  /^(?:descriptors\[(?<descriptor>\d+)\](?:\.(?<field>[A-Za-z_]\w*)|\[(?<quote>['"])(?<quoted>[^'"\\]+)\k<quote>\])|(?<plain>[A-Za-z_][\w.-]*))$/;
/** A reference that must have a text. In older files, the text may have no quotes. */
const EQUALITY = /^(?<reference>.+?)\s*==\s*(?:'(?<single>[^'\\]*)'|"(?<double>[^"\\]*)"|(?<bare>[\w./-]+))$/;

/** Parses a variable. undefined: it is another expression of CEL. */
export function parseVariable(text: string): LimitadorEntry | undefined {
  const groups = REFERENCE.exec(text.trim())?.groups;
  if (groups === undefined) return undefined;
  const { descriptor, field, quoted, plain } = groups;
  const key = field ?? quoted ?? plain ?? '';
  return { descriptor: descriptor === undefined ? undefined : Number(descriptor), key, value: undefined };
}

/** Parses a condition. undefined: it is another expression of CEL than an equality of an entry and a text. */
export function parseCondition(text: string): LimitadorEntry | undefined {
  const groups = EQUALITY.exec(text.trim())?.groups;
  if (groups === undefined) return undefined;
  const entry = parseVariable(groups.reference ?? '');
  const value = groups.single ?? groups.double ?? groups.bare ?? '';
  return entry === undefined || value === '' ? undefined : { ...entry, value };
}
