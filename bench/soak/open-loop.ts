import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import type { LoadKind } from '../load/load-job.ts';
import { selectMethodPath } from '../load/load-job.ts';
import { LoadRecorder } from '../load/load-recorder.ts';

/** Requests of one method, encoded, that a load sends in turn. */
export interface RequestCycle {
  readonly kind: LoadKind;
  readonly messages: readonly Uint8Array[];
}

/** Calls are sent in groups, so that timers of the generator cost little. */
const TICK_MS = 5;
const DEADLINE_MS = 10_000;
const CONNECTIONS = 4;
const keepBytes = (bytes: Uint8Array) => Buffer.from(bytes);

/**
 * Sends calls at a fixed rate, without waiting for answers, as many clients do together. A latency counts from the time
 * at which the call was due, so a server that stalls cannot slow the load down and look fast.
 */
export class OpenLoop {
  /** Records the calls that end now. Replace it to begin another interval. */
  recorder = new LoadRecorder();
  sent = 0;
  readonly #clients: readonly Client[];
  readonly #cycles: readonly RequestCycle[];
  readonly #callsPerSecond: number;
  #isSending = false;
  #open = 0;

  constructor(port: number, cycles: readonly RequestCycle[], callsPerSecond: number) {
    this.#cycles = cycles;
    this.#callsPerSecond = callsPerSecond;
    // Clients with pools of their own do not share a connection.
    const options = { 'grpc.use_local_subchannel_pool': 1 };
    this.#clients = Array.from({ length: CONNECTIONS }, () => {
      return new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options);
    });
  }

  /** Sends until `stop`. */
  async start(): Promise<void> {
    this.#isSending = true;
    const startedAt = performance.now();
    while (this.#isSending) {
      const now = performance.now();
      while (startedAt + (this.sent * 1000) / this.#callsPerSecond <= now) {
        this.#send(startedAt + (this.sent * 1000) / this.#callsPerSecond);
      }
      await sleep(TICK_MS);
    }
  }

  /** Waits for the answers of all calls and closes the connections. */
  async stop(): Promise<void> {
    this.#isSending = false;
    while (this.#open > 0) await sleep(TICK_MS);
    for (const client of this.#clients) client.close();
  }

  #send(dueAt: number): void {
    const number = this.sent++;
    const cycle = this.#cycles[number % this.#cycles.length];
    const message = cycle?.messages[Math.floor(number / this.#cycles.length) % cycle.messages.length];
    const client = this.#clients[number % CONNECTIONS];
    if (cycle === undefined || message === undefined || client === undefined) throw new Error('there are no requests');
    this.#open++;
    const options = { deadline: Date.now() + DEADLINE_MS };
    const path = selectMethodPath(cycle.kind);
    client.makeUnaryRequest(path, keepBytes, keepBytes, message, new Metadata(), options, (error) => {
      this.#open--;
      if (error === null) this.recorder.ok++;
      else {
        this.recorder.errors++;
        this.recorder.lastError = `${status[error.code]}: ${error.details}`;
      }
      this.recorder.recordLatency(performance.now() - dueAt);
    });
  }
}
