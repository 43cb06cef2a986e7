/** Lengths of a password, in Unicode characters. */
export const MIN_PASSWORD_LENGTH = 8;
export const MAX_PASSWORD_LENGTH = 1_024;

/** The most common passwords that are long enough, in lower case. Loaded at the first use: most nodes never need it. */
let commonPasswords: Promise<ReadonlySet<string>> | undefined;

/**
 * Finds everything that is wrong with a new password of the account with an e-mail address. Descriptions begin with
 * `must`, and never repeat any part of the password.
 */
export async function findPasswordFaults(password: string, email: string): Promise<readonly string[]> {
  const faults: string[] = [];
  const length = countCharacters(password);
  if (length < MIN_PASSWORD_LENGTH || length > MAX_PASSWORD_LENGTH) {
    faults.push(`must be ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`);
  }
  if (email !== '' && password.toLowerCase() === email.toLowerCase()) faults.push('must not be the e-mail address');
  commonPasswords ??= loadCommonPasswords();
  if ((await commonPasswords).has(password.toLowerCase())) faults.push('must not be one of the most common passwords');
  return faults;
}

/** Counts Unicode characters: an emoji outside the basic plane is one, although its text has two code units. */
export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

async function loadCommonPasswords(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return new Set(dictionary['passwords-common'].filter((password) => password.length >= MIN_PASSWORD_LENGTH));
}
