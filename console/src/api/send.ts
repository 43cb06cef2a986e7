import { ApiError, readApiError } from './api-error.ts';

interface Sending {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** undefined: none. */
  readonly body?: unknown;
  /** A call that nobody caused: it does not keep the session alive. */
  readonly isPoll?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Pages of other sites cannot send this header. */
const CONSOLE_HEADERS = { 'content-type': 'application/json', 'x-weir-console': '1' };

/** Sends JSON to Weir. Throws ApiError, and the reason of an aborted signal. Returns undefined for an empty response. */
export async function send(path: string, { method, body, isPoll, signal }: Sending): Promise<unknown> {
  const headers = isPoll ? { ...CONSOLE_HEADERS, 'x-weir-poll': '1' } : CONSOLE_HEADERS;
  const response = await fetch(path, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ?? null,
  }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw new ApiError(`Weir cannot be reached: ${error instanceof Error ? error.message : String(error)}`, {
      code: 'network',
    });
  });
  if (!response.ok) throw await readApiError(response);
  return response.status === 204 ? undefined : response.json();
}
