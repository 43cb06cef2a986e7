import { readCallContext } from '../../admin/methods/call-context.ts';
import { createStripeHandler, type StripeHandlerOptions } from '../../admin/stripe/stripe-handler.ts';
import type { Config } from '../../config/config.ts';
import type { StripeEndpoint } from '../../http/endpoints/stripe-endpoint.ts';
import { toContextOptions } from '../control/start-admin-plane.ts';

/** Lets an endpoint take the events of Stripe. undefined: the endpoint is off. */
export function serveStripeEvents(
  endpoint: StripeEndpoint | undefined,
  config: Config,
  options: Omit<StripeHandlerOptions, 'secret'>,
): void {
  const { stripeWebhookSecret: secret } = config;
  if (endpoint === undefined || secret === undefined) return;
  const handle = createStripeHandler({ ...options, secret });
  const contexts = toContextOptions(config);
  endpoint.handleWith(({ body, ...request }) => {
    const { peer, requestId } = readCallContext(request, contexts);
    const [signature = ''] = request.readHeader('stripe-signature');
    return handle({ body, peer, requestId, signature });
  });
}
