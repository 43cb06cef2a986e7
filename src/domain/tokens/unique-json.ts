export type JsonObject = Readonly<Record<string, unknown>>;

export type UniqueJson = { readonly object: JsonObject } | { readonly fault: 'not_json' | 'duplicate_member' };

/**
 * Parses a JSON object in which no object repeats a member name, at any depth. Of two equal names JSON.parse keeps the
 * last value, while other readers keep the first: signer and verifier could read different claims from one token. Never
 * throws.
 */
export function parseUniqueJson(text: string): UniqueJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: 'not_json' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { fault: 'not_json' };
  if (hasDuplicate(text)) return { fault: 'duplicate_member' };
  return { object: value as JsonObject }; // JSON has no other objects
}

/** Requires a text that JSON.parse accepts: the scan relies on quotes and brackets being balanced. */
function hasDuplicate(text: string): boolean {
  /** Member names of each open object; undefined: an array. */
  const open: (Set<string> | undefined)[] = [];
  for (let position = 0; position < text.length; position++) {
    const character = text[position];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const end = skipString(text, position);
      const names = open.at(-1);
      if (names !== undefined && isMemberName(text, end)) {
        // Unescaped, because `"a"` and `"\u0061"` are the same name.
        const name = JSON.parse(text.slice(position, end)) as string; // a string literal
        if (names.has(name)) return true;
        names.add(name);
      }
      position = end - 1;
    }
  }
  return false;
}

/** The position after the closing quote of the string that begins at `start`. */
function skipString(text: string, start: number): number {
  let position = start + 1;
  while (position < text.length && text[position] !== '"') position += text[position] === '\\' ? 2 : 1;
  return position + 1;
}

/** A string that ends at `end` is a member name if and only if a colon follows. */
function isMemberName(text: string, end: number): boolean {
  let position = end;
  while (text[position] === ' ' || text[position] === '\n' || text[position] === '\r' || text[position] === '\t') {
    position++;
  }
  return text[position] === ':';
}
