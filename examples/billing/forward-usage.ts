import { createServer, type RequestListener } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { BILLING_SYSTEMS, type BillingTarget, type UsageEvent } from './billing-systems.ts';

/** The types of usage events. A correction is one more event, whose hits are the difference. */
const USAGE_TYPES: readonly string[] = ['weir.usage.v1', 'weir.usage.correction.v1'];

const TIMEOUT_MS = 4_000; // Weir waits for 5 s

/** Answers the deliveries of Weir: forwards usage events, and accepts others without doing anything. */
export function createForwarder(
  secret: string,
  system: keyof typeof BILLING_SYSTEMS,
  target: BillingTarget,
): RequestListener {
  const webhook = new Webhook(secret);
  return async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    let event: UsageEvent;
    try {
      // Authentic, so it has the form that Weir documents.
      event = webhook.verify(Buffer.concat(chunks), request.headers as Record<string, string>) as UsageEvent;
    } catch {
      response.writeHead(401).end();
      return;
    }
    // An error makes Weir send the event again, with the same id.
    const isDone = !USAGE_TYPES.includes(event.type) || (await forward(event, system, target));
    response.writeHead(isDone ? 204 : 502).end();
  };
}

/** Returns whether the billing system has the event. It may answer 409 to one that it has already. */
async function forward(
  event: UsageEvent,
  system: keyof typeof BILLING_SYSTEMS,
  target: BillingTarget,
): Promise<boolean> {
  if (event.data.hits === 0) return true; // only refused requests
  const { url, headers, body } = BILLING_SYSTEMS[system](event, target);
  try {
    const answer = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return answer.ok || answer.status === 409;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  const { WEBHOOK_SECRET = '', BILLING = 'stripe', BILLING_URL = 'https://api.stripe.com' } = process.env;
  const { BILLING_KEY: key = '', BILLING_METER: meter = 'weir_hits', PORT = '3000' } = process.env;
  if (BILLING !== 'stripe' && BILLING !== 'openmeter' && BILLING !== 'lago') {
    throw new Error(`BILLING: must be stripe, openmeter or lago (got "${BILLING}")`);
  }
  createServer(createForwarder(WEBHOOK_SECRET, BILLING, { url: BILLING_URL, key, meter })).listen(Number(PORT));
}
