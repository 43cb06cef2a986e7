import { requestPinned } from '../../outbound/pinned-request.ts';

const MAX_RESPONSE_BYTES = 512 * 1024;

export interface DocumentRequest {
  readonly url: URL;
  /** The host may have addresses that are not of the public Internet. */
  readonly allowsPrivate: boolean;
  /** Ends the request early, whatever it waits for. */
  readonly signal: AbortSignal;
}

/**
 * Fetches a document over http or https. Follows no redirect. Rejects unless the server responds with status 200 and at
 * most 512 KiB.
 */
export async function fetchDocument(request: DocumentRequest): Promise<string> {
  const { url } = request;
  const { status, text } = await requestPinned({
    ...request,
    headers: { accept: 'application/json' },
    privateHostsVariable: 'PRIVATE_ISSUER_HOSTS',
    maxResponseBytes: MAX_RESPONSE_BYTES,
  });
  if (status === 200) return text;
  if (status >= 300 && status < 400) throw new Error(`${url}: must not redirect (got ${status})`);
  throw new Error(`${url}: must respond with status 200 (got ${status})`);
}
