import type { LimitedCall } from '../../src/interfaces/admin-limits.ts';

/** A sign-in with a password, as the limits of the admin API see it. */
export const LOGIN: LimitedCall = {
  method: 'AuthService/Login',
  remoteAddress: '192.0.2.1',
  account: 'email:a',
  device: undefined,
  isAuthenticated: false,
  isKnownNetwork: false,
  assumedOutcome: 'wrong_password',
};
