import { quoteName } from './validation/found-value.ts';

/** One condition of a filter, such as `plan = "plans/team"`. */
export interface Restriction {
  /** As written, such as `display_name`. */
  readonly field: string;
  readonly operator: FilterOperator;
  readonly value: string;
}

export type FilterOperator = '=' | '!=' | '<' | '<=' | '>' | '>=' | ':';

const MAX_FILTER_LENGTH = 2_000;
const MAX_RESTRICTIONS = 16;

/** A quoted text, an operator, a word, or any other character. */
const TOKEN = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([<>!]=|[=<>:])|([^\s"'=<>:!()]+)|(\S))/gsu;
const FIELD = /^[A-Za-z][A-Za-z0-9_]*$/;
/** Keywords of https://google.aip.dev/160 that Weir does not support. */
const UNSUPPORTED_KEYWORDS = ['OR', 'NOT'];

interface FilterToken {
  readonly kind: 'text' | 'operator' | 'word' | 'other' | 'end';
  readonly text: string;
  /** Counted from 1. */
  readonly position: number;
}

/**
 * Parses a filter in a subset of the language of https://google.aip.dev/160: restrictions `field operator value`,
 * joined by `AND`. A value is a word, or a text in `"` or `'` with `\` before a quote. An empty filter has no
 * restrictions. A fault completes a sentence whose subject is the filter. Never throws.
 */
export function parseFilter(text: string): readonly Restriction[] | { readonly fault: string } {
  if (text.length > MAX_FILTER_LENGTH) {
    return { fault: `must be at most ${MAX_FILTER_LENGTH} characters (got ${text.length})` };
  }
  // Postgres stores no text with it.
  if (text.includes('\0')) return { fault: 'must not contain the character NUL' };
  const tokens = tokenize(text);
  const restrictions: Restriction[] = [];
  for (let next = 0; tokens[next]?.kind !== 'end'; ) {
    if (restrictions.length > 0) {
      if (!isWord(tokens[next], 'AND')) return expected('AND', tokens[next]);
      next += 1;
    }
    const [field, operator, value] = tokens.slice(next, next + 3);
    if (field?.kind !== 'word' || !FIELD.test(field.text) || UNSUPPORTED_KEYWORDS.includes(field.text)) {
      return expected('a field name', field);
    }
    if (operator?.kind !== 'operator') return expected('one of = != < <= > >= :', operator);
    if (value?.kind !== 'text' && value?.kind !== 'word') return expected('a value', value);
    // The pattern TOKEN matches no other operators.
    restrictions.push({ field: field.text, operator: operator.text as FilterOperator, value: value.text });
    if (restrictions.length > MAX_RESTRICTIONS) return { fault: `must have at most ${MAX_RESTRICTIONS} conditions` };
    next += 3;
  }
  return restrictions;
}

function isWord(token: FilterToken | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text;
}

function expected(what: string, token: FilterToken | undefined): { readonly fault: string } {
  if (token === undefined || token.kind === 'end') return { fault: `must have ${what} at its end (got nothing)` };
  if (token.kind === 'other' && /^["']/.test(token.text)) {
    return {
      fault: `must have a closing ${token.text.slice(0, 1)} for the text that begins at character ${token.position}`,
    };
  }
  return { fault: `must have ${what} at character ${token.position} (got ${quoteName(token.text)})` };
}

function tokenize(text: string): readonly FilterToken[] {
  const tokens: FilterToken[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const [whole, doubleQuoted, singleQuoted, operator, word, other] = match;
    const position = match.index + whole.length - whole.trimStart().length + 1;
    const quoted = doubleQuoted ?? singleQuoted;
    if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted.replace(/\\(.)/gsu, '$1'), position });
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator, position });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, position });
    else tokens.push({ kind: 'other', text: other ?? '', position });
  }
  return [...tokens, { kind: 'end', text: '', position: text.length + 1 }];
}
