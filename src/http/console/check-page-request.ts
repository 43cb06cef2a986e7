import type { IncomingMessage } from 'node:http';
import { RefusedRequest } from '../refused-request.ts';
import { readOwnOrigin } from './own-origin.ts';
import type { Scheme } from './request-scheme.ts';

/**
 * Throws RefusedRequest unless a request comes from a page of the console. Pages of other origins cannot send
 * `x-weir-console`: their browser asks first, and no path of the console allows it. `sec-fetch-site` and `origin` are
 * checked where a browser sends them. Messages repeat no header.
 */
export function checkPageRequest({ headers }: Pick<IncomingMessage, 'headers'>, scheme: Scheme): void {
  if (headers['x-weir-console'] !== '1') throw refuse('x-weir-console: must be 1');
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') throw refuse('sec-fetch-site: must be same-origin');
  const own = readOwnOrigin(headers.host, scheme === 'https' ? 'https' : 'http')?.origin;
  if (headers.origin !== undefined && headers.origin !== own) {
    throw refuse(
      'origin: must be the scheme and the host of this request; a proxy must keep the host, and be in TRUSTED_PROXIES to name the scheme',
    );
  }
}

function refuse(message: string): RefusedRequest {
  return new RefusedRequest(403, 'origin_not_allowed', message);
}
