import type { IncomingMessage, ServerResponse } from 'node:http';

/** Web origins, such as `https://console.example.com`, or `*` for all. */
export type AllowedOrigins = ReadonlySet<string>;

/** Headers that clients of Connect, gRPC-Web and Weir send. */
const REQUEST_HEADERS = [
  'authorization',
  'connect-protocol-version',
  'connect-timeout-ms',
  'content-type',
  'grpc-timeout',
  'x-grpc-web',
  'x-request-id',
  'x-user-agent',
];
/** Headers that scripts may read in addition to those that they always may. */
const RESPONSE_HEADERS = ['grpc-message', 'grpc-status', 'grpc-status-details-bin', 'retry-after'];
/** In seconds. Browsers shorten it to their own maximum. */
const PREFLIGHT_MAX_AGE_SECONDS = 7200;

/**
 * Lets scripts of an allowed origin read the response. Never allows credentials: a token comes in `authorization`, which a
 * script sets itself, so a browser has nothing to add. Returns whether the request is answered: it was a preflight of an
 * allowed origin.
 */
export function applyCors(request: IncomingMessage, response: ServerResponse, allowed: AllowedOrigins): boolean {
  if (allowed.size === 0) return false;
  response.setHeader('vary', 'origin');
  const { origin, 'access-control-request-method': asked } = request.headers;
  if (origin === undefined || !(allowed.has(origin) || allowed.has('*'))) return false;
  response.setHeader('access-control-allow-origin', allowed.has('*') ? '*' : origin);
  if (request.method !== 'OPTIONS' || asked === undefined) {
    response.setHeader('access-control-expose-headers', RESPONSE_HEADERS.join(', '));
    return false;
  }
  response.setHeader('access-control-allow-methods', 'POST');
  response.setHeader('access-control-allow-headers', REQUEST_HEADERS.join(', '));
  response.setHeader('access-control-max-age', PREFLIGHT_MAX_AGE_SECONDS);
  response.writeHead(204).end();
  return true;
}
