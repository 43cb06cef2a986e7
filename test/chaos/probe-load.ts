import type { GrpcClient } from '../support/clients/grpc-client.ts';
import { PROBES, type Probe, type ProbeResponse, type ProbeSubject, sendProbe } from './probes.ts';

/** A call of the load and its result. Times are in ms on the clock of performance.now(). */
export interface ProbeCall {
  readonly probe: Probe;
  readonly nodeIndex: number;
  readonly sentAt: number;
  readonly completedAt: number;
  /** An error if the call failed for another reason than the policy `deny`. */
  readonly result: ProbeResponse | Error;
}

const INTERVAL_MS = 10;

/** A constant load: sends each probe to each node 100 times a second without waiting for earlier calls. */
export class ProbeLoad {
  readonly #completed: ProbeCall[] = [];
  readonly #pending = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(clients: readonly GrpcClient[], subject: ProbeSubject) {
    this.#timer = setInterval(() => {
      for (const [nodeIndex, client] of clients.entries()) {
        for (const probe of PROBES) this.#send(nodeIndex, client, probe, subject);
      }
    }, INTERVAL_MS);
  }

  /** Sends nothing more. Resolves with all calls, in order of completion, once the last one has completed. */
  async stop(): Promise<readonly ProbeCall[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    return this.#completed;
  }

  #send(nodeIndex: number, client: GrpcClient, probe: Probe, subject: ProbeSubject): void {
    const sentAt = performance.now();
    const pending = sendProbe(client, probe, subject)
      .catch((error: Error) => error)
      .then((result) => {
        this.#completed.push({ probe, nodeIndex, sentAt, completedAt: performance.now(), result });
        this.#pending.delete(pending);
      });
    this.#pending.add(pending);
  }
}
