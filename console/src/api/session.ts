import { send } from './send.ts';

export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** Empty: none. */
  readonly totpCode: string;
}

const SESSION = '/console/session';

/** Whether the browser has a session. Throws ApiError. */
export async function readSignedIn(): Promise<boolean> {
  const { signedIn } = (await send(SESSION, { method: 'GET' })) as { readonly signedIn: boolean };
  return signedIn;
}

/** Signs in. Weir sets a cookie that no script can read. Throws ApiError. */
export async function signIn(credentials: Credentials): Promise<void> {
  await send(SESSION, { method: 'POST', body: credentials });
}

/** Signs out of this session, or of all sessions of the account. Throws ApiError. */
export async function signOut({ allSessions }: { readonly allSessions: boolean }): Promise<void> {
  await send(SESSION, { method: 'DELETE', body: { allSessions } });
}
