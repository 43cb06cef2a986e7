import { parseDocument, type YAMLParseError } from 'yaml';
import { BlockItems, type TextRange } from './block-items.ts';
import { findFailure } from './fast-yaml.ts';

export interface YamlSyntaxError {
  readonly offset: number;
  readonly message: string;
}

/** Characters before and after the place where the fast parser gives up that are read again. */
const MARGIN = 32_768;

/**
 * Finds the first syntax error of a large text, in a tenth of the time that YamlDocument needs for all of it. The fast
 * parser finds the place. The parser of YamlDocument reads only what is around it, without the items of sequences that the
 * fast parser has accepted. undefined: the text is small, or has to be read as a whole.
 */
export function findSyntaxError(text: string): YamlSyntaxError | undefined {
  if (text.length < 4 * MARGIN) return undefined;
  const items = new BlockItems(text);
  const failure = findFailure(text, (event, state) => items.add(event, state));
  if (failure === undefined) return undefined;
  const leftOut = items.findItemsBefore(failure - MARGIN) ?? { start: 0, end: 0 };
  const lineEnd = text.indexOf('\n', failure + MARGIN);
  const end = lineEnd === -1 ? text.length : lineEnd + 1;
  const error = findErrorInExcerpt(text, leftOut, end);
  // An error at the end, such as an unclosed quote, may be due to the text that is missing there.
  if (error === undefined || error.offset <= failure + MARGIN / 2 || end === text.length) return error;
  return findErrorInExcerpt(text, leftOut, text.length);
}

/** Finds the first syntax error of a text up to `end`, without the range `leftOut`. undefined: it must be read as a whole. */
function findErrorInExcerpt(text: string, leftOut: TextRange, end: number): YamlSyntaxError | undefined {
  const excerpt = text.slice(0, leftOut.start) + text.slice(leftOut.end, end);
  if (excerpt.length > text.length / 2) return undefined;
  const { errors } = parseDocument(excerpt, { prettyErrors: false });
  const [first] = errors.filter(({ code }) => code !== 'DUPLICATE_KEY');
  if (first === undefined || first.code === 'MULTIPLE_DOCS' || errors.some(isTooDeep)) return undefined;
  const [offset] = first.pos;
  const { start, end: resumed } = leftOut;
  return { offset: offset < start ? offset : offset - start + resumed, message: first.message };
}

/** Whether an error says that the parser has exhausted the call stack, which happens at an arbitrary depth. */
export function isTooDeep({ message }: YAMLParseError): boolean {
  return message.includes('call stack');
}
