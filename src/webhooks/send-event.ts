import { Webhook } from 'standardwebhooks';
import { type HostList, hasHost } from '../domain/issuers/key-url.ts';
import { describeRequestError, requestPinned } from '../outbound/pinned-request.ts';

const TIMEOUT_MS = 5_000;
const MAX_RESPONSE_BYTES = 64 * 1024;
const MAX_BODY_BYTES = 64 * 1024;

export interface SignedEvent {
  readonly url: string;
  readonly eventId: string;
  readonly body: string;
  /** Secrets of the form `whsec_…`. Each adds a signature. */
  readonly secrets: readonly string[];
}

/** Result of an attempt. An attempt without `error` was accepted. */
export interface AttemptResult {
  /** The HTTP status; undefined: there was no response. */
  readonly status: number | undefined;
  readonly error?: string;
}

/**
 * Posts an event to a webhook, signed as Standard Webhooks 1.0 says. Takes at most 5 s, follows no redirect and never
 * rejects. `privateHosts` may have private addresses and may be asked over plain http.
 */
export async function sendEvent(event: SignedEvent, privateHosts: HostList): Promise<AttemptResult> {
  const { body } = event;
  const url = new URL(event.url);
  const allowsPrivate = hasHost(privateHosts, url);
  if (url.protocol !== 'https:' && !allowsPrivate) {
    return { status: undefined, error: 'must be an https URL, or its host must be in WEBHOOK_PRIVATE_HOSTS' };
  }
  const size = Buffer.byteLength(body);
  if (size > MAX_BODY_BYTES) {
    return { status: undefined, error: `the event must have at most ${MAX_BODY_BYTES} bytes (got ${size})` };
  }
  try {
    const { status } = await requestPinned({
      ...{ url, headers: signEvent(event, new Date()), body, allowsPrivate },
      privateHostsVariable: 'WEBHOOK_PRIVATE_HOSTS',
      maxResponseBytes: MAX_RESPONSE_BYTES,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return status >= 200 && status < 300 ? { status } : { status, error: describeStatus(status) };
  } catch (error) {
    const isTimeout = error instanceof Error && error.name === 'TimeoutError';
    const description = isTimeout ? `must respond within ${TIMEOUT_MS / 1000} s` : describeRequestError(error);
    return { status: undefined, error: description };
  }
}

/** Headers of a delivery. The signatures cover its id, the time of the attempt and its body. */
export function signEvent({ eventId, body, secrets }: Omit<SignedEvent, 'url'>, now: Date) {
  return {
    'content-type': 'application/cloudevents+json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'weir-webhooks',
    'webhook-id': eventId,
    'webhook-timestamp': Math.floor(now.getTime() / 1000),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(eventId, now, body)).join(' '),
  };
}

function describeStatus(status: number): string {
  if (status >= 300 && status < 400) return `must not redirect (got ${status})`;
  return `must respond with a status from 200 to 299 (got ${status})`;
}
