import { repeatRejections } from '../collections/repeat-rejections.ts';
import { clientNetwork } from '../domain/credentials/client-network.ts';
import type { CallLimit } from '../interfaces/call-limit.ts';

/** Repeats a rejection to the same client for a moment without asking the process that counts again. */
export function rememberRejections(calls: CallLimit): CallLimit {
  const admit = repeatRejections(
    ({ call, peer }: { readonly call: string; readonly peer: string }) => calls.admit(call, peer),
    ({ call, peer }) => `${call} ${clientNetwork(peer)}`,
  );
  return { admit: (call, peer) => admit({ call, peer }) };
}
