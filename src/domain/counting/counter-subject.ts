import { elementAt } from '../../collections/element-at.ts';
import type { DescriptorEntry } from '../descriptor.ts';

const RULE_PREFIX = 'rule|';
/** Parts of a subject that `ruleOfSubject` names. Nobody nests deeper. */
const MAX_NAMED_PARTS = 32;
const MAX_RULE_NAME_LENGTH = 200;

/**
 * Formats the subject of a counter: its parts joined by `|`. Escapes `%` as `%25` and `|` as `%7C`, so that different
 * parts never give the same subject: ['a|b'] differs from ['a', 'b'].
 */
export function formatSubject(...parts: readonly string[]): string {
  return parts.map(escapePart).join('|');
}

/** Formats the subject of a rule's counter: the domain, then the keys and values of the entries in their order. */
export function formatDescriptorSubject(domain: string, entries: readonly DescriptorEntry[]): string {
  let subject = `${RULE_PREFIX}${escapePart(domain)}`;
  for (const { key, value } of entries) subject += `|${escapePart(key)}|${escapePart(value)}`;
  return subject;
}

/**
 * Returns the rule that a subject belongs to: its domain and keys without values, such as `edge.route.remote_address`.
 * Parts stay escaped. undefined: the subject is an API key, an account or a token.
 */
export function ruleOfSubject(subject: string): string | undefined {
  if (!subject.startsWith(RULE_PREFIX)) return undefined;
  const [domain = '', ...keysAndValues] = subject.slice(RULE_PREFIX.length).split('|', MAX_NAMED_PARTS);
  let rule = domain;
  for (let index = 0; index < keysAndValues.length; index += 2) rule += `.${keysAndValues[index]}`;
  return rule.slice(0, MAX_RULE_NAME_LENGTH);
}

/** The owner of a counter, as its subject names it. */
export type SubjectOwner =
  /** `id`: of a key, that of its counters; of a token, its claim `jti`. */
  | { readonly kind: 'account' | 'key' | 'token'; readonly id: string }
  | { readonly kind: 'rule'; readonly domain: string; readonly entries: readonly DescriptorEntry[] };

/** Reads a subject that `formatSubject` or `formatDescriptorSubject` has written. */
export function parseSubject(subject: string): SubjectOwner {
  const [kind, id = '', ...rest] = subject.split('|').map(unescapePart);
  if (kind === 'account' || kind === 'key') return { kind, id };
  if (kind === 'token') return { kind, id: rest[0] ?? '' };
  const entries: DescriptorEntry[] = [];
  for (let index = 0; index + 1 < rest.length; index += 2) {
    entries.push({ key: elementAt(rest, index), value: elementAt(rest, index + 1) });
  }
  return { kind: 'rule', domain: id, entries };
}

function unescapePart(part: string): string {
  return part.includes('%') ? part.replaceAll('%7C', '|').replaceAll('%25', '%') : part;
}

function escapePart(part: string): string {
  return /[%|]/.test(part) ? part.replaceAll('%', '%25').replaceAll('|', '%7C') : part;
}
