export type KeyStatus = 'valid' | 'disabled' | 'expired';

/** Whether a key may be used at `now`; both in Unix time in ms. Disabling beats expiry. */
export function keyStatus(
  { disabled, expiresAt }: { readonly disabled: boolean; readonly expiresAt: number | undefined },
  now: number,
): KeyStatus {
  if (disabled) return 'disabled';
  return expiresAt !== undefined && expiresAt <= now ? 'expired' : 'valid';
}
