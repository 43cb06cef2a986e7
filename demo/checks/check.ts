import { deepEqual } from 'node:assert/strict';
import type { AdminClient } from '../admin-client.ts';
import type { HttpRequest, HttpResponse } from '../http-clients.ts';
import type { ReceivedRequest } from '../upstream.ts';

/**
 * A statement about the service that clients of Envoy can verify. Checks create their own keys and run in any order.
 */
export interface Check {
  readonly name: string;
  /** Rejects with an AssertionError that contains the expected and the actual value. */
  readonly run: (context: CheckContext) => Promise<void>;
}

export interface CheckContext {
  readonly admin: AdminClient;
  /** Sends a request to Envoy. */
  readonly send: (request: HttpRequest) => Promise<HttpResponse>;
}

/** envoy/envoy.yaml passes this path through ext_authz alone. Weir authenticates and charges the plan in one call. */
export const AUTHZ_ONLY_PATH = '/orders';
/** envoy/envoy.yaml passes this path through ext_authz, which authenticates, and ratelimit, which charges the plan. */
export const AUTHZ_AND_RATE_LIMIT_PATH = '/both/orders';
/** envoy/envoy.yaml passes this path through without asking Weir. */
export const UNPROTECTED_PATH = '/healthz';

export function createRequestWithKey(path: string, { secret }: { readonly secret: string }): HttpRequest {
  return { path, headers: [['x-api-key', secret]] };
}

/** Sends the request several times, one after the other. */
export async function sendTimes(
  times: number,
  send: CheckContext['send'],
  request: HttpRequest,
): Promise<readonly HttpResponse[]> {
  const responses: HttpResponse[] = [];
  for (let time = 0; time < times; time++) responses.push(await send(request));
  return responses;
}

/** Parses the request that reached the upstream out of its response. */
export function parseReceived({ status, body }: HttpResponse): ReceivedRequest {
  deepEqual(status, 200);
  return JSON.parse(body); // only the upstream responds with 200 here
}

/** Asserts that a response is an error from Weir: its status, its content type and the form of its body. */
export function expectError(response: HttpResponse | undefined, status: number, code: string): void {
  deepEqual(
    { status: response?.status, contentType: response?.headers['content-type'] },
    { status, contentType: 'application/json' },
  );
  const { error } = JSON.parse(response?.body ?? '');
  deepEqual(
    { code: error.code, message: typeof error.message, requestId: typeof error.request_id },
    { code, message: 'string', requestId: 'string' },
  );
}
