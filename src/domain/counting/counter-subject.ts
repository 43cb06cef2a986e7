import type { Entry } from '../descriptor.ts';

/**
 * Subject of a counter: its parts, joined by `|` after escaping (`%` → `%25`, `|` → `%7C`), so that no two lists of
 * parts give the same subject: ['a|b'] and ['a', 'b'] stay apart.
 */
export function formatSubject(...parts: readonly string[]): string {
  return parts.map(escapePart).join('|');
}

/** Subject of a rule's counter: the domain and the entries' keys and values, in their order. */
export function formatDescriptorSubject(domain: string, entries: readonly Entry[]): string {
  let subject = `rule|${escapePart(domain)}`;
  for (const { key, value } of entries) subject += `|${escapePart(key)}|${escapePart(value)}`;
  return subject;
}

function escapePart(part: string): string {
  return /[%|]/.test(part) ? part.replaceAll('%', '%25').replaceAll('|', '%7C') : part;
}
