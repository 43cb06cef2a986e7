/** Number of tags that spread subjects over the slots of a cluster. */
export const VIRTUAL_TAG_COUNT = 64;

/**
 * Formats the key of a subject's counters in Redis: `<prefix>:1:{<tag>}:<subject>`.
 *
 * - `1` is the version of keys and values. A new version must use keys of its own.
 * - The tag, 0 to 63, is a hash of the subject. 64 tags spread subjects over a cluster's slots, yet few enough that a batch
 *   needs at most 64 scripts, however many subjects it has.
 * - The parts of the subject are escaped (domain/counting/counter-subject.ts). All counters of a subject share one value,
 *   so that they are read and written together.
 */
export function formatCounterKey(prefix: string, subject: string): string {
  return `${prefix}:1:{${computeVirtualTag(subject)}}:${subject}`;
}

/** Formats the key that records that a receipt was refunded. It shares the slot of the counters with this tag. */
export function formatUsedReceiptKey(prefix: string, tag: number, receiptId: string): string {
  return `${prefix}:1:{${tag}}:given-back|${receiptId}`;
}

/**
 * Computes a subject's tag: FNV-1a over its UTF-16 code units. Nodes of all versions must compute the same tag, or they
 * count separately.
 */
export function computeVirtualTag(subject: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < subject.length; i++) hash = Math.imul(hash ^ subject.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % VIRTUAL_TAG_COUNT;
}
