import type { DescriptorEntry } from '../descriptor.ts';

/**
 * Formats the subject of a counter: its parts joined by `|`. Escapes `%` as `%25` and `|` as `%7C`, so that different
 * parts never give the same subject: ['a|b'] differs from ['a', 'b'].
 */
export function formatSubject(...parts: readonly string[]): string {
  return parts.map(escapePart).join('|');
}

/** Formats the subject of a rule's counter: the domain, then the keys and values of the entries in their order. */
export function formatDescriptorSubject(domain: string, entries: readonly DescriptorEntry[]): string {
  let subject = `rule|${escapePart(domain)}`;
  for (const { key, value } of entries) subject += `|${escapePart(key)}|${escapePart(value)}`;
  return subject;
}

function escapePart(part: string): string {
  return /[%|]/.test(part) ? part.replaceAll('%', '%25').replaceAll('|', '%7C') : part;
}
