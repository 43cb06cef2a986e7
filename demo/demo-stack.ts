import { Administrator } from './admin-client.ts';
import { type EnvoySurroundings, startEnvoy } from './start-envoy.ts';
import { ADMINISTRATOR, startWeir } from './start-weir.ts';
import { startUpstream } from './upstream.ts';

/** The plan that the demo is about: five a minute. */
export const FIVE_A_MINUTE = { id: 'five-a-minute', requests: 5, windowSeconds: 60 };
/** Short enough to be waited for. */
export const FIVE_IN_THREE_SECONDS = { id: 'five-in-three-seconds', requests: 5, windowSeconds: 3 };

export interface World {
  /** `http://127.0.0.1:port` of Envoy. */
  readonly origin: string;
  /** What Envoy stands before, for who wants another one there. */
  readonly surroundings: EnvoySurroundings;
  readonly adminAddress: string;
  readonly administrator: Administrator;
  /** Ends Weir alone, as a crash would. */
  stopWeir(): Promise<void>;
  /** Ends all that was started. */
  stop(): Promise<void>;
}

/** Starts an upstream, Weir and a real Envoy in front, signs in and creates the two plans. */
export async function startWorld(): Promise<World> {
  await using started = new AsyncDisposableStack();
  const upstream = await startUpstream('127.0.0.1', 0);
  started.defer(() => upstream.stop());
  const weir = await startWeir();
  started.defer(() => weir.stop());
  const surroundings = { weirPort: weir.decisionPort, upstreamPort: upstream.port };
  const envoy = await startEnvoy(surroundings);
  started.defer(() => envoy.stop());
  const administrator = await Administrator.signIn(weir.adminAddress, ADMINISTRATOR);
  started.defer(() => administrator.signOut());
  for (const { id, requests, windowSeconds } of [FIVE_A_MINUTE, FIVE_IN_THREE_SECONDS]) {
    await administrator.createPlan(id, requests, `${windowSeconds}s`);
  }
  const all = started.move();
  return {
    origin: envoy.origin,
    surroundings,
    adminAddress: weir.adminAddress,
    administrator,
    stopWeir: () => weir.stop(),
    stop: () => all.disposeAsync(),
  };
}
