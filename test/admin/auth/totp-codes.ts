import { Secret, TOTP } from 'otpauth';
import { PASSWORD, type startHolderNode } from '../account-holder.ts';

type Holder = Pick<Awaited<ReturnType<typeof startHolderNode>>, 'auth' | 'register'>;

/** The code of a secret for the current step of 30 s, or one that is `steps` later. */
export function codeOf(secret: string, steps = 0): string {
  return TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: Date.now() + steps * 30_000 });
}

/** A code that none of the accepted steps has. */
export function wrongCodeOf(secret: string): string {
  const near = [-2, -1, 0, 1, 2].map((steps) => codeOf(secret, steps));
  return ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !near.includes(code)) ?? '';
}

/** Registers an account and turns its second factor on with the code of the current step. */
export async function registerWithTotp({ auth, register }: Holder) {
  const account = await register();
  const { secret } = await auth.enrollTotp({ password: PASSWORD }, account.headers);
  const confirmed = codeOf(secret);
  await auth.confirmTotp({ code: confirmed }, account.headers);
  return { ...account, secret, confirmed };
}
