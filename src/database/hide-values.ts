/**
 * Parts of a statement (https://www.postgresql.org/docs/current/sql-syntax-lexical.html). A name that
 * begins a string, such as `E` in `E'a'`, is part of it. A part without an end extends to the end of the statement.
 */
const PARTS = new RegExp(
  [
    /(?<kept>"(?:[^"]|"")*(?:"|$)|\$\d+|(?![eEbBnNxX]'|[uU]&')[A-Za-z_\u0080-\uffff][$\w\u0080-\uffff]*)/, // names, $1
    /[eE]'(?:[^'\\]|''|\\[\s\S])*(?:'|$)/, // strings with escapes
    /(?:[bBnNxX]|[uU]&)?'(?:[^']|'')*(?:'|$)/, // other strings
    /(?<tag>\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[\s\S]*?(?:\k<tag>|$)/, // strings in dollars
    /\d[\w.]*(?:(?<=[eE])[+-]\d+)?/, // numbers
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
);

/** Replaces the values in a statement by `?`. Names and placeholders stay. */
export function hideValues(statement: string): string {
  return statement.trim().replace(PARTS, (_, kept: string | undefined) => kept ?? '?');
}
