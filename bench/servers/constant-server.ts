// Shared by the servers that respond to every call with a constant: echo-server.ts and engine-server.ts.
import {
  RateLimitResponse_Code as Code,
  RateLimitResponse,
} from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';

/** An encoded RateLimitResponse of OK. */
export const CONSTANT_RESPONSE: Uint8Array = RateLimitResponse.encode(
  RateLimitResponse.fromPartial({ overallCode: Code.OK, statuses: [{ code: Code.OK }] }),
).finish();

/** First message of a constant server to its parent. */
export interface ReadyMessage {
  readonly port: number;
}

/** Reports the port to the parent process, and exits once the parent does. */
export function reportReady(port: number): void {
  process.on('disconnect', () => process.exit());
  process.send?.({ port } satisfies ReadyMessage);
}
