import type { Charge } from '../../decide/ports.ts';

export const VIRTUAL_TAGS = 64;

/**
 * Key of a counter in Redis: `<prefix>:1:{<tag>}:<identity>|<subject>`.
 *
 * - `1` is the version of keys and values. A next version writes keys of its own.
 * - The tag, 0 to 63 by hash of the subject, makes all counters of a subject live in one slot of a cluster, so that they
 *   are decided together, and a batch is at most 64 scripts however many subjects it has.
 * - `<identity>` (name/algorithm/seconds) has no `|`, so the first one ends it; the subject's parts are escaped.
 */
export function counterKey(prefix: string, { subject, limit }: Charge): string {
  return `${prefix}:1:{${virtualTag(subject)}}:${limit.identity}|${subject}`;
}

/** FNV-1a over the subject's UTF-16 units. Nodes of all versions must agree on it, or they count apart. */
export function virtualTag(subject: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < subject.length; i++) hash = Math.imul(hash ^ subject.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % VIRTUAL_TAGS;
}
