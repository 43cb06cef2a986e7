import { Secret, TOTP } from 'otpauth';

/** The parameters that authenticator apps expect (RFC 6238). Some apps ignore other values. */
const PARAMETERS = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
const SECRET_BYTES = 20;
/** Steps before and after the current one whose codes are accepted, because clocks differ. */
const WINDOW = 1;
const CODE = /^[0-9]{6}$/;

/** Generates a secret, in base32. */
export function generateTotpSecret(): string {
  return new Secret({ size: SECRET_BYTES }).base32;
}

/** Formats a secret for authenticator apps. `account` is the name that they show. */
export function formatTotpUri(secret: string, account: string): string {
  return new TOTP({ ...PARAMETERS, issuer: 'Weir', label: account, secret: Secret.fromBase32(secret) }).toString();
}

export function isTotpCode(text: string): boolean {
  return CODE.test(text);
}

/** Finds the step of 30 s since 1970 that a code belongs to; undefined: the code is wrong. `now` is in ms. */
export function findTotpStep(secret: string, code: string, now: number): number | undefined {
  const options = { ...PARAMETERS, secret: Secret.fromBase32(secret), timestamp: now, window: WINDOW };
  const distance = TOTP.validate({ ...options, token: code });
  return distance === null ? undefined : TOTP.counter(options) + distance;
}
