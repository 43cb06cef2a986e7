export const VIRTUAL_TAG_COUNT = 64;

/**
 * Key of a subject's counters in Redis: `<prefix>:1:{<tag>}:<subject>`.
 *
 * - `1` is the version of keys and values. A next version writes keys of its own.
 * - The tag, 0 to 63 by hash of the subject, spreads subjects over a cluster's slots, but over so few that a batch is at
 *   most 64 scripts however many subjects it has.
 * - The subject's parts are escaped (core/counter-key.ts). Its limits' counters stand in one value, so that they are
 *   read and written together.
 */
export function formatCounterKey(prefix: string, subject: string): string {
  return `${prefix}:1:{${computeVirtualTag(subject)}}:${subject}`;
}

/** Key that notes that a receipt was given back, beside the counters of a tag. */
export function formatUsedReceiptKey(prefix: string, tag: number, receiptId: string): string {
  return `${prefix}:1:{${tag}}:given-back|${receiptId}`;
}

/** FNV-1a over the subject's UTF-16 units. Nodes of all versions must agree on it, or they count apart. */
export function computeVirtualTag(subject: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < subject.length; i++) hash = Math.imul(hash ^ subject.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % VIRTUAL_TAG_COUNT;
}
