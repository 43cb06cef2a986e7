import { countCharacters, findPasswordFaults, MAX_PASSWORD_LENGTH } from '../../identity/secrets/password-rules.ts';
import type { FieldViolations } from './field-violations.ts';

/** Adds a violation for each fault of a new password. `email` is the account's; empty: it has none. */
export async function checkNewPassword(
  violations: FieldViolations,
  field: string,
  password: string,
  email: string,
): Promise<void> {
  for (const fault of await findPasswordFaults(password, email)) violations.add(field, fault);
}

/** Adds a violation for a text that can be the password of no account. The description never repeats it. */
export function checkPresentedPassword(violations: FieldViolations, field: string, password: string): void {
  if (password === '' || countCharacters(password) > MAX_PASSWORD_LENGTH) {
    violations.add(field, `must be 1 to ${MAX_PASSWORD_LENGTH} characters`);
  }
}
