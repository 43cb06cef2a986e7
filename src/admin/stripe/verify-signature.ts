import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the time of a signature may be from that of this node, in seconds. Stripe's libraries use the same. */
const TOLERANCE_SECONDS = 300;
/** Stripe sends one signature for each secret of an endpoint. There are two for a day after one was rolled. */
const MAX_SIGNATURES = 8;

/**
 * Whether the header `stripe-signature` has a signature of the body by the secret. It has the form `t=…,v1=…,v1=…`: a Unix
 * time in seconds, and HMACs of the time, a dot and the body (https://docs.stripe.com/webhooks/signature). `nowMs` is Unix
 * time in ms.
 */
export function isSignedByStripe(header: string, body: Buffer, secret: string, nowMs: number): boolean {
  const entries = header.split(',').map((entry) => entry.trim());
  const times = entries.filter((entry) => /^t=\d{1,12}$/.test(entry));
  const [time = ''] = times;
  // Two times would leave open which one is signed.
  if (times.length !== 1 || Math.abs(nowMs / 1000 - Number(time.slice(2))) > TOLERANCE_SECONDS) return false;
  const expected = createHmac('sha256', secret)
    .update(`${time.slice(2)}.`)
    .update(body)
    .digest();
  return entries
    .filter((entry) => /^v1=[0-9a-f]{64}$/.test(entry))
    .slice(0, MAX_SIGNATURES)
    .some((entry) => timingSafeEqual(Buffer.from(entry.slice(3), 'hex'), expected));
}
