import type { JsonObject } from '../tokens/unique-json.ts';

/** A reference token of RFC 6901: `~0` stands for `~` and `~1` for `/`; no other `~` is valid. */
const POINTER = /^(?:\/(?:[^~/]|~[01])*)+$/;
/** RFC 6901, section 4: an index has no leading zero. */
const ARRAY_INDEX = /^(?:0|[1-9]\d{0,8})$/;

/**
 * Whether a text can be a claim path: any name or dotted path, or a valid JSON Pointer (RFC 6901) if it begins with `/`.
 */
export function isClaimPath(path: string): boolean {
  return !path.startsWith('/') || POINTER.test(path);
}

/**
 * Finds a claim. A claim whose name is exactly the path comes first (`https://example.com/roles`). Otherwise a path that
 * begins with `/` is a JSON Pointer into objects and lists, and any other path leads into objects by its dots. undefined:
 * the token has no such claim.
 */
export function findClaim(claims: JsonObject, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  const isPointer = path.startsWith('/');
  const names = isPointer ? path.slice(1).split('/').map(unescapeName) : path.split('.');
  let value: unknown = claims;
  for (const name of names) {
    if (isPointer && Array.isArray(value)) value = ARRAY_INDEX.test(name) ? value[Number(name)] : undefined;
    else if (isObject(value) && Object.hasOwn(value, name)) value = value[name];
    else return undefined;
  }
  return value;
}

/** Replaces `~1` first, so that `~01` becomes `~1` (RFC 6901, section 4). */
function unescapeName(name: string): string {
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
