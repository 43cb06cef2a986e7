import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A file that is sent as it is. */
export interface StaticFile {
  readonly content: Buffer;
  readonly headers: Readonly<Record<string, string | number>> & { readonly etag: string };
}

interface FileSettings {
  /** With the character set of a text. */
  readonly type: string;
  readonly cacheControl: string;
  /** How `content` is compressed; undefined: it is not. */
  readonly encoding?: 'br' | 'gzip' | undefined;
}

export function createStaticFile(content: Buffer, { type, cacheControl, encoding }: FileSettings): StaticFile {
  const headers = {
    'content-type': type,
    'content-length': content.length,
    ...(encoding !== undefined && { 'content-encoding': encoding }),
    'cache-control': cacheControl,
    etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  };
  return { content, headers };
}

/** Sends a file, or 304 to a client that has it. The request is a GET or HEAD. */
export function sendFile(request: IncomingMessage, response: ServerResponse, { content, headers }: StaticFile): void {
  if (request.headers['if-none-match'] === headers.etag) {
    const { 'content-length': _length, ...unchanged } = headers;
    response.writeHead(304, unchanged).end();
  } else response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : content);
}
