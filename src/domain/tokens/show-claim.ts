const MAX_TEXT_LENGTH = 200;
const MAX_LIST_ITEMS = 8;
const NOT_PRINTABLE = /[^\x20-\x7e]/g;

/**
 * Shows a value that another party sent, for a log line or an administrator: printable ASCII of bounded length. Shows
 * texts and lists of texts, and names only the type of anything else.
 */
export function showClaim(value: unknown): string {
  if (!Array.isArray(value)) return showSingle(value);
  const items = value.slice(0, MAX_LIST_ITEMS).map(showSingle);
  if (value.length > MAX_LIST_ITEMS) items.push('...');
  return `[${items.join(', ')}]`;
}

function showSingle(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty text' : showText(value);
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value !== 'object') return `a ${typeof value}`;
  return Array.isArray(value) ? 'a list' : 'an object';
}

function showText(text: string): string {
  const start = text.slice(0, MAX_TEXT_LENGTH).replace(NOT_PRINTABLE, escapeCharacter);
  return text.length > MAX_TEXT_LENGTH ? `${start}...` : start;
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
