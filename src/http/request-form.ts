import type { IncomingMessage } from 'node:http';
import { RefusedRequest } from './refused-request.ts';

/** Throws RefusedRequest unless a request is a POST. */
export function requirePost(method: string | undefined): void {
  if (method === 'POST') return;
  throw new RefusedRequest(405, 'method_not_allowed', `method: must be POST (got ${method})`);
}

/** Returns the media type of a request, in lower case and without parameters. Throws RefusedRequest if it is not one of these. */
export function requireMediaType(headers: IncomingMessage['headers'], allowed: readonly string[]): string {
  const mediaType = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== undefined && allowed.includes(mediaType)) return mediaType;
  const expected = allowed.length === 1 ? allowed[0] : `one of ${allowed.join(', ')}`;
  const found = mediaType === undefined ? 'none' : 'another';
  const message = `content-type: must be ${expected} (got ${found})`;
  throw new RefusedRequest(415, 'unsupported_media_type', message);
}
