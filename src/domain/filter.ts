import { quoteName } from './quote-name.ts';

/** One condition of a filter, such as `plan = "plans/team"`. */
export interface Restriction {
  /** As it is written, such as `display_name`. */
  readonly field: string;
  readonly operator: FilterOperator;
  readonly value: string;
}

export type FilterOperator = '=' | '!=' | '<' | '<=' | '>' | '>=' | ':';

const LONGEST_FILTER = 2_000;
const MOST_RESTRICTIONS = 16;

/** A text in quotes, an operator, a word, or any other character. */
const TOKEN = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([<>!]=|[=<>:])|([^\s"'=<>:!()]+)|(\S))/gsu;
const FIELD = /^[A-Za-z][A-Za-z0-9_]*$/;
/** What https://google.aip.dev/160 gives a meaning that is not understood here. */
const RESERVED = ['OR', 'NOT'];

interface Token {
  readonly kind: 'text' | 'operator' | 'word' | 'other' | 'end';
  readonly text: string;
  readonly at: number;
}

/**
 * Reads a filter: a part of the language of https://google.aip.dev/160, restrictions `field operator value` joined by
 * `AND`. A value is a word or stands in quotes, `"` or `'`, with `\` before what would end it. An empty filter has no
 * restrictions. What is wrong is told as a sentence that names it. Never throws.
 */
export function parseFilter(text: string): readonly Restriction[] | { readonly fault: string } {
  if (text.length > LONGEST_FILTER) return { fault: `must be at most ${LONGEST_FILTER} characters` };
  const tokens = tokensOf(text);
  const restrictions: Restriction[] = [];
  for (let next = 0; tokens[next]?.kind !== 'end'; ) {
    if (restrictions.length > 0) {
      if (!isWord(tokens[next], 'AND')) return expected('AND', tokens[next]);
      next += 1;
    }
    const [field, operator, value] = tokens.slice(next, next + 3);
    if (field?.kind !== 'word' || !FIELD.test(field.text) || RESERVED.includes(field.text))
      return expected('the name of a field', field);
    if (operator?.kind !== 'operator') return expected('one of = != < <= > >= :', operator);
    if (value?.kind !== 'text' && value?.kind !== 'word') return expected('a value', value);
    restrictions.push({ field: field.text, operator: operator.text as FilterOperator, value: value.text }); // as TOKEN lists them
    if (restrictions.length > MOST_RESTRICTIONS) return { fault: `must be at most ${MOST_RESTRICTIONS} conditions` };
    next += 3;
  }
  return restrictions;
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text;
}

function expected(what: string, token: Token | undefined): { readonly fault: string } {
  if (token === undefined || token.kind === 'end') return { fault: `must go on with ${what} at its end` };
  return { fault: `must have ${what} at character ${token.at}, in place of ${quoteName(token.text)}` };
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const [whole, double, single, operator, word, other] = match;
    const at = match.index + whole.length - whole.trimStart().length + 1;
    const quoted = double ?? single;
    if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted.replace(/\\(.)/gsu, '$1'), at });
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator, at });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at });
    else tokens.push({ kind: 'other', text: other ?? '', at });
  }
  return [...tokens, { kind: 'end', text: '', at: text.length + 1 }];
}
