import { MAX_SEGMENTS } from './path-segments.ts';
import { PARAMETER, REST, type RouteSegment } from './route.ts';

const MAX_PATH_LENGTH = 1024;
const PARAMETER_FORM = /^\{[A-Za-z_][A-Za-z0-9_.-]{0,63}\}$/;
/** Characters that make a path ambiguous, or that a path cannot have: a route with them would never match. */
const IMPOSSIBLE = /[\s\p{Cc}\p{Cs}\\;?#%]/u;

/**
 * Parses the path of a route, such as `/v1/users/{id}` or `/files/**`. Returns its segments, or a description of what is
 * wrong with it.
 */
export function parseRoutePath(path: string): readonly RouteSegment[] | string {
  if (!path.startsWith('/')) return 'must begin with "/"';
  if (path.length > MAX_PATH_LENGTH) return `must have at most ${MAX_PATH_LENGTH} characters`;
  const impossible = IMPOSSIBLE.exec(path);
  if (impossible !== null) return describeImpossible(impossible[0]);
  const texts = path.slice(1).split('/');
  if (texts.length > MAX_SEGMENTS) return `must have at most ${MAX_SEGMENTS} segments`;
  const segments: RouteSegment[] = [];
  for (const [index, text] of texts.entries()) {
    const segment = parseSegment(text, index === texts.length - 1);
    if (typeof segment === 'string') return segment;
    segments.push(segment);
  }
  return segments;
}

function parseSegment(text: string, isLast: boolean): RouteSegment | string {
  if (text === '**') return isLast ? REST : 'must have "**" only as its last segment';
  if (PARAMETER_FORM.test(text)) return PARAMETER;
  if (text.includes('*')) return 'must have "*" only as "**", its last segment; {name} stands for one segment';
  if (/[{}]/.test(text)) return 'must have a parameter only as a whole segment, such as {id}';
  if (text === '.' || text === '..') return 'must not have dot segments, which clients and proxies resolve';
  if (text === '' && !isLast) return 'must not have an empty segment, except at its end';
  return { kind: 'literal', text };
}

function describeImpossible(character: string): string {
  if (character === '%') return 'must be written without percent-encoding: Weir decodes the paths of requests';
  if (character === '?' || character === '#') return `must be a path without "${character}" and what follows it`;
  return character.trim() === '' || /\p{C}/u.test(character)
    ? 'must not contain white space or control characters'
    : `must not contain "${character}", which servers read in different ways`;
}
