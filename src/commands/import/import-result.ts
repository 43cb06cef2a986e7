/** The result of an import: files for Weir, and what they do not have. */
export interface ImportResult {
  readonly files: readonly ImportedFile[];
  /** Each names a part of the input that no file has, or that works differently, and why. */
  readonly notes: readonly string[];
}

export interface ImportedFile {
  readonly name: string;
  readonly text: string;
}

/** A mapping of the input. Its fields may have any value. */
export type InputMapping = Readonly<Record<string, unknown>>;

export function isInputMapping(value: unknown): value is InputMapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a list of mappings. Notes items that are none, and a value that is no list. */
export function readMappings(value: unknown, path: string, notes: string[]): readonly InputMapping[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    notes.push(`${path}: must be a list`);
    return [];
  }
  return value.filter((item, index): item is InputMapping => {
    if (isInputMapping(item)) return true;
    notes.push(`${path}[${index}]: must be a mapping`);
    return false;
  });
}

/** Notes the fields of a mapping that an import does not read. */
export function noteUnreadFields(mapping: InputMapping, read: readonly string[], path: string, notes: string[]): void {
  for (const name of Object.keys(mapping)) {
    if (!read.includes(name)) notes.push(`${path}.${name}: is not carried over`);
  }
}

export function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
