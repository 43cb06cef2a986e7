import { readText } from '../methods/read-text.ts';

const AUTH = 'AuthService';

/**
 * Methods that anybody may call: the credential is in the request, so nothing is known about the caller before work is
 * done. The value names the room that their calls share while they are in progress.
 */
const OPEN_METHODS: ReadonlyMap<string, OpenRoom> = new Map([
  [`${AUTH}/Login`, 'passwords'],
  [`${AUTH}/Register`, 'passwords'],
  [`${AUTH}/RequestPasswordReset`, 'passwords'],
  [`${AUTH}/ResetPassword`, 'passwords'],
  [`${AUTH}/VerifyEmail`, 'shared'],
  [`${AUTH}/RefreshToken`, 'shared'],
  [`${AUTH}/Logout`, 'shared'],
  ['TokenInfoService/GetTokenInfo', 'shared'],
  ['TokenInfoService/DisableToken', 'brake'],
]);

export type OpenRoom = 'passwords' | 'shared' | 'brake';

/** Methods that always compare a password, or a code of the second factor, with that of an account. */
const PASSWORD_METHODS: ReadonlySet<string> = new Set([
  `${AUTH}/Login`,
  `${AUTH}/ChangePassword`,
  `${AUTH}/DeactivateAccount`,
  `${AUTH}/EnrollTotp`,
  `${AUTH}/ConfirmTotp`,
  `${AUTH}/DisableTotp`,
]);

/** Methods that hash a new password, without comparing one. */
const NEW_PASSWORD_METHODS: ReadonlySet<string> = new Set([`${AUTH}/Register`, `${AUTH}/ResetPassword`]);

/**
 * The emergency brake. TokenInfoService limits it, and never rejects a secret that is in force. No other limit may keep
 * the holder of a secret from disabling it.
 */
export const BRAKE_METHOD = 'TokenInfoService/DisableToken';

/** Shortens the path of a method, `/package.Service/Method`, to `Service/Method`. */
export function methodName(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

/** Whether a call needs no access token. Logout takes one if the request has no refresh token. */
export function isOpenMethod(method: string, request: unknown): boolean {
  if (method === `${AUTH}/Logout` && readText(request, 'refreshToken') === '') return false;
  return OPEN_METHODS.has(method);
}

/**
 * Whether a call compares a password, or a code of the second factor, with that of an account. UpdateProfile compares one
 * only if the request has it.
 */
export function comparesPassword(method: string, request: unknown): boolean {
  return (
    PASSWORD_METHODS.has(method) ||
    (method === `${AUTH}/UpdateProfile` && Boolean(readText(request, 'currentPassword')))
  );
}

/** Whether a call hashes a password. */
export function hashesPassword(method: string, request: unknown): boolean {
  return NEW_PASSWORD_METHODS.has(method) || comparesPassword(method, request);
}

/** The room of a method that anybody may call; undefined: it needs an access token. */
export function findRoom(method: string): OpenRoom | undefined {
  return OPEN_METHODS.get(method);
}
