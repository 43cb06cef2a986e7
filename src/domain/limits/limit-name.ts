/** At most 255 characters, without control characters and halves of surrogate pairs. */
const LIMIT_NAME = /^[^\p{Cc}\p{Cs}]{1,255}$/u;
export const LIMIT_NAME_FORM = 'must be 1 to 255 characters, without control characters';

const PLAN_LIMIT_NAME = /^[a-z0-9_-]{1,63}$/;
export const PLAN_LIMIT_NAME_FORM = 'must be 1 to 63 characters of a-z, 0-9, "-" and "_"';

/** Whether a limit can have the name: nearly any text, because envoyproxy/ratelimit restricts names in no way. */
export function isLimitName(value: unknown): value is string {
  return typeof value === 'string' && LIMIT_NAME.test(value);
}

/** Whether a limit of a plan or a key can have the name. Every such name is its own escaped form. */
export function isPlanLimitName(value: unknown): value is string {
  return typeof value === 'string' && PLAN_LIMIT_NAME.test(value);
}

/**
 * Escapes a name for the identity of its limit, by percent-encoding everything but letters, digits and `-_.!~*'()`.
 * Different names stay different.
 */
export function escapeLimitName(name: string): string {
  return encodeURIComponent(name);
}

/** Reverses `escapeLimitName`; undefined: no name is escaped like this. */
export function unescapeLimitName(escaped: string): string | undefined {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}
