import { ApiError } from './api-error.ts';
import type { MethodName, RequestOf, ResponseOf } from './methods.ts';
import { send } from './send.ts';

export interface CallOptions {
  /** A call that nobody caused: it does not keep the session alive. */
  readonly isPoll?: boolean;
  readonly signal?: AbortSignal;
}

/** Reasons of errors that end the session. A wrong password is unauthenticated, too, and ends nothing. */
const ENDING: ReadonlySet<string> = new Set(['TOKEN_MISSING', 'TOKEN_INVALID']);

/** The name of the event of the window for a call that shows that the session has ended. */
export const SESSION_ENDED = 'weir-session-ended';

/** Calls a method of the admin API with the session of the cookie. Throws ApiError. */
export async function call<M extends MethodName>(
  method: M,
  request: RequestOf<M>,
  options: CallOptions = {},
): Promise<ResponseOf<M>> {
  const [service = '', name = ''] = method.split('.');
  const path = `/console/api/weir.admin.v1.${service}/${name[0]?.toUpperCase()}${name.slice(1)}`;
  try {
    return (await send(path, { ...options, method: 'POST', body: request })) as ResponseOf<M>;
  } catch (error) {
    if (error instanceof ApiError && ENDING.has(error.reason)) dispatchEvent(new Event(SESSION_ENDED));
    throw error;
  }
}
