import type { HeaderField } from '../hpack/header-field.ts';

const REQUEST_PSEUDO_HEADERS = new Set([':method', ':scheme', ':authority', ':path']);

export interface ValidHeaders {
  /** From content-length, which DATA must then add up to; undefined: not told. */
  readonly contentLength: number | undefined;
}

/** undefined: malformed by RFC 9113, section 8, which is a stream error. */
export function validateHeaders(fields: readonly HeaderField[]): ValidHeaders | undefined {
  const pseudo = new Map<string, string>();
  let contentLength: number | undefined;
  let regularSeen = false;
  for (const { name, value, wellFormed } of fields) {
    if (!wellFormed) return undefined;
    if (name.startsWith(':')) {
      if (regularSeen || pseudo.has(name) || !REQUEST_PSEUDO_HEADERS.has(name)) return undefined;
      pseudo.set(name, value);
      continue;
    }
    regularSeen = true;
    if (name !== 'content-length') continue;
    if (!/^\d{1,15}$/.test(value)) return undefined;
    if (contentLength !== undefined && contentLength !== Number(value)) return undefined;
    contentLength = Number(value);
  }
  return hasNeededPseudoHeaders(pseudo) ? { contentLength } : undefined;
}

function hasNeededPseudoHeaders(pseudo: ReadonlyMap<string, string>): boolean {
  const method = pseudo.get(':method');
  if (method === 'CONNECT') return pseudo.has(':authority') && !pseudo.has(':scheme') && !pseudo.has(':path');
  return Boolean(method) && Boolean(pseudo.get(':scheme')) && Boolean(pseudo.get(':path'));
}

export function areTrailersWellFormed(fields: readonly HeaderField[]): boolean {
  return fields.every((field) => field.wellFormed && !field.name.startsWith(':'));
}
