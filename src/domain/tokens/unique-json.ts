export type Members = Readonly<Record<string, unknown>>;

export type UniqueJson = { readonly members: Members } | { readonly fault: 'not_json' | 'duplicate_member' };

/**
 * A JSON object in which no object names a member twice, at any depth. JSON.parse keeps the last of two, other readers
 * the first: who signs and who verifies could then read different claims out of one token. Never throws.
 */
export function parseUniqueJson(text: string): UniqueJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: 'not_json' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { fault: 'not_json' };
  return hasDuplicate(text) ? { fault: 'duplicate_member' } : { members: value as Members }; // JSON has no other objects
}

/** Of a text that JSON.parse has read, so that quotes and brackets are known to be in their places. */
function hasDuplicate(text: string): boolean {
  /** The names of each object that is open; undefined: an array. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (names !== undefined && isName(text, end)) {
        // `"a"` and `"\u0061"` are the same name.
        const name = JSON.parse(text.slice(at, end)) as string; // the literal of a string
        if (names.has(name)) return true;
        names.add(name);
      }
      at = end - 1;
    }
  }
  return false;
}

/** Behind the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** A string is a member's name where a colon follows, and nowhere else. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return text[at] === ':';
}
