/** The columns of an account without a second factor. */
export const NO_TOTP = { sealedTotpSecret: null, totpEnableTime: null, totpLastStep: null };
