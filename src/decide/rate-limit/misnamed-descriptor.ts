import { BoundedMap } from '../../collections/bounded-map.ts';
import type { DescriptorEntry } from '../../domain/descriptor.ts';
import { suggestName } from '../../domain/validation/suggest-name.ts';

/**
 * Keys that name what the domain `plans` charges, by their letters. A misspelled `route` is no fault: without one of these,
 * no plan is charged by it.
 */
const KEYS_BY_LETTERS: ReadonlyMap<string, string> = new Map([
  ['apikey', 'api_key'],
  ['account', 'account'],
]);
/** With two edits, `amount` and `count` would be taken for `account`. */
const MAX_EDITS = 1;
const IDENTITY_EXPECTED = 'must be spelled as the domain plans spells it';

/** A descriptor of the domain `plans` that no rule matches, and whose keys are not those that the domain charges. */
export interface MisnamedDescriptor {
  /** The key that is wrong. */
  readonly key: string;
  /** The expectation that the descriptor does not meet. */
  readonly description: string;
}

/**
 * Finds the key of a descriptor that is misspelled: it would leave the descriptor without the limits of its plan. Returns
 * undefined if there is none. Other keys of the domain are for rules, which it may have or not.
 */
export function findMisnamedKey(entries: readonly DescriptorEntry[]): MisnamedDescriptor | undefined {
  for (const { key } of entries) {
    const suggestion = suggestPlansKey(key);
    if (suggestion !== undefined) return { key, description: `${IDENTITY_EXPECTED}; did you mean ${suggestion}?` };
  }
  return undefined;
}

/** By key. Keys come from the proxy's configuration, so there are few. */
const suggestions = new BoundedMap<string, string | undefined>(1_000, 'clear');
/** Longer keys are close to none. */
const MAX_KEY_LENGTH = 32;

/** Case and separators do not count as edits. */
function suggestPlansKey(key: string): string | undefined {
  if (key.length > MAX_KEY_LENGTH) return undefined;
  if (suggestions.has(key)) return suggestions.get(key);
  const letters = key.toLowerCase().replaceAll(/[^a-z]/g, '');
  const suggestion = KEYS_BY_LETTERS.get(suggestName(letters, [...KEYS_BY_LETTERS.keys()], MAX_EDITS) ?? '');
  suggestions.set(key, suggestion);
  return suggestion;
}
