/** The longest address that fits into the path of RFC 5321. */
const MAX_EMAIL_LENGTH = 254;
const EMAIL = /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u;
/**
 * Characters that a mail program does not take as a part of an address: in `<ada@example.com>` and `x,ada@example.com` it
 * finds the address of Ada. Format characters (Cf) are invisible.
 */
const NOT_IN_PLAIN_EMAIL = /[<>()[\]\\,;:"\p{Cf}\p{Cs}]/u;

/** Whether a text may be the address of an account. Accounts of earlier versions have addresses that are not plain. */
export function isEmail(text: string): boolean {
  return text.length <= MAX_EMAIL_LENGTH && EMAIL.test(text);
}

/** Whether an account may be given a text as its address. */
export function isPlainEmail(text: string): boolean {
  return isEmail(text) && !NOT_IN_PLAIN_EMAIL.test(text);
}
