/**
 * Assembles a Lua script from its parts into one text without comments.
 *
 * Every source is plain Lua: directives stand in comments.
 *
 * - `-- @include parts/value.lua` inserts another file in place of the line.
 * - `-- @fields counter previous = key base|refilledAt` stores the fields of the tables that the script calls `counter`
 *   and `previous` by position. `counter.key` becomes `counter[1]`; `counter.base` and `counter.refilledAt` both become
 *   `counter[2]`. Several lines for the same names continue the list. The assembler rejects a field that is not listed.
 * - `-- @alias spec.y = burst periodEnd` gives a named field more names: `spec.burst` becomes `spec.y`.
 *
 * Directives apply to the whole script. Comments need a line of their own, and long comments are not supported.
 *
 * @param read Returns the text of a source file.
 * @throws Error when a directive or a field is unknown, or when code and a comment share a line.
 */
export function assembleLua(file: string, read: (file: string) => string): string {
  const lines = insertIncludes(file, read);
  const code = lines.filter((line) => line.trim() !== '' && !isComment(line)).join('\n');
  if (code.includes('--')) throw new Error(`${file}: comments must have a line of their own`);
  return `${rewriteFields(code, readDirectives(lines))}\n`;
}

const INCLUDE = /^\s*-- @include (?<file>\S+)$/;
const FIELDS = /^\s*-- @fields (?<tables>\w+(?: \w+)*) = (?<fields>[\w|]+(?: [\w|]+)*)$/;
const ALIAS = /^\s*-- @alias (?<table>\w+)\.(?<field>\w+) = (?<aliases>\w+(?: \w+)*)$/;

interface Directives {
  /** By name of a table: its fields in order, each with all its names. */
  readonly fields: Map<string, (readonly string[])[]>;
  /** By name of a table: by alias, the field. */
  readonly aliases: Map<string, Map<string, string>>;
}

function insertIncludes(file: string, read: (file: string) => string): readonly string[] {
  return read(file)
    .split('\n')
    .flatMap((line) => {
      const included = INCLUDE.exec(line)?.groups?.file;
      return included === undefined ? [line] : insertIncludes(included, read);
    });
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith('--');
}

function readDirectives(lines: readonly string[]): Directives {
  const directives: Directives = { fields: new Map(), aliases: new Map() };
  for (const line of lines.filter((each) => /^\s*-- @/.test(each))) {
    const { tables, fields } = FIELDS.exec(line)?.groups ?? {};
    const { table, field, aliases } = ALIAS.exec(line)?.groups ?? {};
    if (tables !== undefined && fields !== undefined) addFields(directives, tables.split(' '), fields.split(' '));
    else if (table !== undefined && field !== undefined && aliases !== undefined) {
      const known = directives.aliases.get(table) ?? new Map<string, string>();
      for (const alias of aliases.split(' ')) known.set(alias, field);
      directives.aliases.set(table, known);
    } else throw new Error(`unknown directive: ${line.trim()}`);
  }
  return directives;
}

function addFields(directives: Directives, tables: readonly string[], fields: readonly string[]): void {
  for (const table of tables) {
    const names = fields.map((field) => field.split('|'));
    directives.fields.set(table, [...(directives.fields.get(table) ?? []), ...names]);
  }
}

function rewriteFields(code: string, { fields, aliases }: Directives): string {
  return code.replaceAll(/\b(\w+)\.(\w+)/g, (access, table: string, field: string) => {
    const alias = aliases.get(table)?.get(field);
    if (alias !== undefined) return `${table}.${alias}`;
    const positions = fields.get(table);
    if (positions === undefined) return access;
    const index = positions.findIndex((names) => names.includes(field));
    if (index < 0) throw new Error(`${access}: must be one of the fields ${positions.flat().join(', ')}`);
    return `${table}[${index + 1}]`;
  });
}
