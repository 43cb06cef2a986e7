import { hash } from 'node:crypto';
import { computeVirtualTag } from '../redis/batch/counter-key.ts';

/** Two digits hold all tags. */
const TAG_DIGITS = 2;

/**
 * Returns the primary key of a counter's checkpoint: the tag of its subject, so that one tag can be read in order, and a
 * digest of subject and limit, because subjects are longer than an index allows.
 */
export function checkpointId(subject: string, limitIdentity: string): string {
  return `${checkpointIdPrefix(computeVirtualTag(subject))}${hash('sha256', `${limitIdentity} ${subject}`, 'base64url')}`;
}

/** Returns the beginning that the ids of all checkpoints of a tag have, and no others. */
export function checkpointIdPrefix(tag: number): string {
  return `${String(tag).padStart(TAG_DIGITS, '0')}-`;
}

/**
 * Encodes a subject for Postgres, as in a JSON string. A text of Postgres has no NUL and no half of a surrogate pair, and
 * clients choose parts of subjects.
 */
export function encodeSubject(subject: string): string {
  return JSON.stringify(subject).slice(1, -1);
}

/** Throws a SyntaxError if the text is not an encoded subject. */
export function decodeSubject(encoded: string): string {
  return String(JSON.parse(`"${encoded}"`));
}
