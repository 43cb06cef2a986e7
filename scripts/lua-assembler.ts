/**
 * Assembles a Lua script from its parts, so that Redis gets one text without comments.
 *
 * Every source is plain Lua: directives stand in comment lines.
 *
 * - `-- @include parts/value.lua` inserts another file in place of the line.
 * - `-- @fields counter previous = key total` stores the fields of `counter` and `previous` by position:
 *   `counter.total` becomes `counter[2]`. Lua 5.1 creates a table from a list of values twice as fast as one with
 *   named fields. Naming a field that the list does not have is an error.
 * - `-- @alias spec.y = burst lifetime` gives one field several names: `spec.burst` becomes `spec.y`.
 *
 * Directives apply to the whole script. Comments must have a line to themselves; long comments are not supported.
 */
export function assembleLua(file: string, read: (file: string) => string): string {
  const source = insertIncludes(file, read);
  const directives = source.filter((line) => DIRECTIVE.test(line));
  let code = source.filter((line) => !isComment(line) && line.trim() !== '').join('\n');
  if (code.includes('--')) throw new Error(`${file}: comments must have a line to themselves`);
  for (const directive of directives) code = applyDirective(directive, code);
  return `${code}\n`;
}

const INCLUDE = /^\s*-- @include (?<file>\S+)$/;
const FIELDS = /^\s*-- @fields (?<variables>\w+(?: \w+)*) = (?<fields>\w+(?: \w+)*)$/;
const ALIAS = /^\s*-- @alias (?<variable>\w+)\.(?<field>\w+) = (?<aliases>\w+(?: \w+)*)$/;
const DIRECTIVE = /^\s*-- @/;

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

function applyDirective(directive: string, code: string): string {
  const { variables, fields } = FIELDS.exec(directive)?.groups ?? {};
  if (variables !== undefined && fields !== undefined)
    return replaceFields(code, variables.split(' '), fields.split(' '));
  const { variable, field, aliases } = ALIAS.exec(directive)?.groups ?? {};
  if (variable !== undefined && field !== undefined && aliases !== undefined) {
    return code.replaceAll(
      new RegExp(`\\b${variable}\\.(?:${aliases.replaceAll(' ', '|')})\\b`, 'g'),
      `${variable}.${field}`,
    );
  }
  throw new Error(`unknown directive: ${directive.trim()}`);
}

function replaceFields(code: string, variables: readonly string[], fields: readonly string[]): string {
  return code.replaceAll(
    new RegExp(`\\b(${variables.join('|')})\\.(\\w+)`, 'g'),
    (_, variable: string, field: string) => {
      const index = fields.indexOf(field);
      if (index < 0) throw new Error(`${variable}.${field}: must be one of ${fields.join(', ')}`);
      return `${variable}[${index + 1}]`;
    },
  );
}
