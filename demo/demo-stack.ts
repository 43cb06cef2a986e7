import { AdminClient } from './admin-client.ts';
import { type EnvoyOptions, startEnvoy } from './start-envoy.ts';
import { ADMINISTRATOR, startWeir } from './start-weir.ts';
import { startUpstream } from './upstream.ts';

/** The plan that the demo shows. */
export const FIVE_A_MINUTE = { id: 'five-a-minute', requests: 5, windowSeconds: 60 };
/** A plan with a window so short that a check can wait for its end. */
export const FIVE_IN_THREE_SECONDS = { id: 'five-in-three-seconds', requests: 5, windowSeconds: 3 };

/** A running Envoy, with Weir and the upstream behind it. */
export interface DemoStack {
  /** `http://127.0.0.1:{port}` of Envoy. */
  readonly origin: string;
  /** Options of the Envoy that runs, to start another one in front of the same Weir and upstream. */
  readonly envoyOptions: EnvoyOptions;
  readonly adminAddress: string;
  readonly admin: AdminClient;
  /** Stops Weir alone. */
  stopWeir(): Promise<void>;
  /** Stops everything that was started. */
  stop(): Promise<void>;
}

/** Starts an upstream, Weir and a real Envoy in front of them, signs in and creates the two plans. */
export async function startDemoStack(): Promise<DemoStack> {
  await using started = new AsyncDisposableStack();
  const upstream = await startUpstream('127.0.0.1', 0);
  started.defer(() => upstream.stop());
  const weir = await startWeir();
  started.defer(() => weir.stop());
  const envoyOptions = { weirPort: weir.decisionPort, upstreamPort: upstream.port };
  const envoy = await startEnvoy(envoyOptions);
  started.defer(() => envoy.stop());
  const admin = await AdminClient.signIn(weir.adminAddress, ADMINISTRATOR);
  started.defer(() => admin.close());
  for (const { id, requests, windowSeconds } of [FIVE_A_MINUTE, FIVE_IN_THREE_SECONDS]) {
    await admin.createPlan(id, requests, `${windowSeconds}s`);
  }
  const running = started.move();
  return {
    origin: envoy.origin,
    envoyOptions,
    adminAddress: weir.adminAddress,
    admin,
    stopWeir: () => weir.stop(),
    stop: () => running.disposeAsync(),
  };
}
