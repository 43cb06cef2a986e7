import { hash } from 'node:crypto';

/** Longer subjects are shortened, in UTF-16 code units. Nodes of all versions must agree, or they count separately. */
const MAX_SUBJECT_LENGTH = 512;
/** The start of a long subject that its key keeps. It names the rule, for the sample of keys and for operators. */
const KEPT_LENGTH = 128;
/** Stands in front of the digest of a long subject. No subject contains it, because `%` is escaped as `%25`. */
const DIGEST_MARK = '%#';

/** Number of tags that spread subjects over the slots of a cluster. */
export const VIRTUAL_TAG_COUNT = 64;
export const ALL_TAGS: readonly number[] = Array.from({ length: VIRTUAL_TAG_COUNT }, (_, tag) => tag);

/**
 * Formats the key of a subject's counters in Redis: `<prefix>:1:{<tag>}:<subject>`.
 *
 * - `1` is the version of keys and values. A new version must use keys of its own.
 * - The tag, 0 to 63, is a hash of the subject. 64 tags spread subjects over a cluster's slots, yet few enough that a batch
 *   needs at most 64 scripts, however many subjects it has.
 * - The parts of the subject are escaped (domain/counting/counter-subject.ts). All counters of a subject share one value,
 *   so that they are read and written together.
 * - Of a subject of more than 512 UTF-16 code units, the key has the start and the SHA-256, so that clients cannot fill
 *   Redis with long names.
 */
export function formatCounterKey(prefix: string, subject: string): string {
  const name = subject.length > MAX_SUBJECT_LENGTH ? shortenSubject(subject) : subject;
  return `${prefix}:1:{${computeVirtualTag(subject)}}:${name}`;
}

function shortenSubject(subject: string): string {
  return subject.slice(0, KEPT_LENGTH) + DIGEST_MARK + hash('sha256', subject, 'base64url');
}

/** Returns the subject of a key, or the start of a long one. undefined: it is not a key of this prefix. */
export function parseCounterKey(prefix: string, key: string): string | undefined {
  const tagEnd = key.indexOf('}:');
  if (!key.startsWith(`${prefix}:`) || tagEnd < 0) return undefined;
  const [subject] = key.slice(tagEnd + 2).split(DIGEST_MARK, 1);
  return subject;
}

/** How long Redis remembers a late charge at most. */
export const LATE_MARK_SECONDS = 3600;

/**
 * Formats the key that records that an id was used: of a receipt that was refunded, of a request that added credits, or
 * of a late charge. It shares the slot of the counters with this tag.
 */
export function formatUsedIdKey(prefix: string, tag: number, id: string): string {
  return `${prefix}:1:{${tag}}:given-back|${id}`;
}

/**
 * Formats the keys of a tag's history: the sequence, which every script advances that changes counters of the tag, and
 * the record of its epochs (lua/history.lua). Where all tags are on one server, tag 0 stands for all of them. The keys are
 * never those of a subject, because a subject has at least two parts.
 */
export function formatHistoryKeys(prefix: string, tag: number): { readonly sequence: string; readonly record: string } {
  return { sequence: `${prefix}:1:{${tag}}:sequence`, record: `${prefix}:1:{${tag}}:history` };
}

/** Whether a key is one of those that formatHistoryKeys and formatCheckpointMarker return. */
export function isHistoryKey(prefix: string, key: string): boolean {
  const subject = parseCounterKey(prefix, key);
  return subject === 'sequence' || subject === 'history' || subject === 'checkpoints';
}

/**
 * Formats the key of the marker of a tag: whether its quotas were restored since the server was last empty (lua/claim.lua).
 * Never that of a subject, because a subject has at least two parts.
 */
export function formatCheckpointMarker(prefix: string, tag: number): string {
  return `${prefix}:1:{${tag}}:checkpoints`;
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
