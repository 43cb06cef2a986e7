import type { HeaderField } from '../hpack/header-field.ts';

const REQUEST_PSEUDO_HEADERS = new Set([':method', ':scheme', ':authority', ':path']);

/** Facts about the header fields of a valid request. */
export interface ValidHeaders {
  /** The value of content-length, which the length of the DATA must match; undefined: the request has none. */
  readonly contentLength: number | undefined;
}

/**
 * Validates the header fields of a request. undefined: the request is malformed by RFC 9113, section 8, which is a
 * stream error.
 */
export function validateHeaders(fields: readonly HeaderField[]): ValidHeaders | undefined {
  const pseudoHeaders = new Map<string, string>();
  let contentLength: number | undefined;
  let hasRegularField = false;
  for (const { name, value, isWellFormed } of fields) {
    if (!isWellFormed) return undefined;
    if (name.startsWith(':')) {
      if (hasRegularField || pseudoHeaders.has(name) || !REQUEST_PSEUDO_HEADERS.has(name)) return undefined;
      pseudoHeaders.set(name, value);
      continue;
    }
    hasRegularField = true;
    if (name !== 'content-length') continue;
    if (!/^\d{1,15}$/.test(value)) return undefined;
    if (contentLength !== undefined && contentLength !== Number(value)) return undefined;
    contentLength = Number(value);
  }
  return hasRequiredPseudoHeaders(pseudoHeaders) ? { contentLength } : undefined;
}

/** Checks RFC 9113, sections 8.3.1 and 8.5: CONNECT has only an authority, other methods have a scheme and a path. */
function hasRequiredPseudoHeaders(pseudoHeaders: ReadonlyMap<string, string>): boolean {
  const method = pseudoHeaders.get(':method');
  if (method === 'CONNECT')
    return pseudoHeaders.has(':authority') && !pseudoHeaders.has(':scheme') && !pseudoHeaders.has(':path');
  return Boolean(method) && Boolean(pseudoHeaders.get(':scheme')) && Boolean(pseudoHeaders.get(':path'));
}

/** Whether the fields may be trailers: each is well-formed, and none is a pseudo-header (RFC 9113, section 8.1). */
export function areTrailersWellFormed(fields: readonly HeaderField[]): boolean {
  return fields.every((field) => field.isWellFormed && !field.name.startsWith(':'));
}
