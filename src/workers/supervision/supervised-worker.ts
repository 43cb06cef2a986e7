import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { createAskedPort } from '../channel/asked-port.ts';
import type { QuestionBounds } from '../channel/question-queue.ts';
import type { ArgumentOf, ConnectionMessage, ResultOf, WorkerMethod } from '../channel/worker-messages.ts';
import type { DecisionPort } from '../decision-port.ts';
import type { DecisionSettings, Decisions, StartedDecisions } from '../decisions.ts';
import { type WorkerEnd, WorkerProcess, type WorkerProgram } from './worker-process.ts';

const MIN_RESTART_DELAY_MS = 100;
const MAX_RESTART_DELAY_MS = 5_000;
/** A worker that lived longer than this restarts without a longer delay than the first. */
const STABLE_AFTER_MS = 30_000;
/** Longer than the calls of the data plane may take to finish. */
const STOP_TIMEOUT_MS = 20_000;

/** A step in the life of a worker takes as long as it takes. The end of the worker ends it. */
const STEP: QuestionBounds = { maxInFlight: 1, timeoutMs: undefined };

export interface SupervisedWorkerOptions {
  readonly program: WorkerProgram;
  readonly config: Config;
  readonly log: Logger;
  /** Called with each process that takes the place of one that has ended, before it does any work. */
  readonly onReplacement?: (worker: WorkerProcess) => void;
  /** Called with what the worker reports about its connections. */
  readonly onConnections?: (worker: WorkerProcess, message: ConnectionMessage) => void;
}

/** Runs a program as a worker that decides, and restarts it when it ends. */
export class SupervisedWorker implements Decisions {
  /** Answers while the worker serves. */
  readonly port: DecisionPort = createAskedPort((...question) => this.#ask(...question));
  readonly #options: SupervisedWorkerOptions;
  #config: Config;
  #worker: WorkerProcess;
  #isServing = false;
  #isStopping = false;
  #restartDelayMs = MIN_RESTART_DELAY_MS;
  #stopped: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(options: SupervisedWorkerOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#worker = this.#fork();
  }

  /** From 1. */
  get number(): number {
    return this.#config.worker;
  }

  /** Whether the worker has started and has not ended. */
  get isServing(): boolean {
    return this.#isServing;
  }

  /** Rejects if the worker cannot load the rules. It has ended then. */
  async prepare(): Promise<void> {
    try {
      await this.#step('prepare', this.#config);
    } catch (error) {
      await this.#kill();
      throw error;
    }
  }

  async start(settings: DecisionSettings): Promise<StartedDecisions> {
    const started = await this.#step('start', settings);
    // A restarted worker listens where the clients of its predecessor look for it.
    const { decisionAddress } = this.#config;
    const port = started.decisionPort ?? decisionAddress.port;
    this.#config = { ...this.#config, decisionAddress: { ...decisionAddress, port } };
    this.#isServing = true;
    void this.#keepAlive(settings);
    return { ...started, port: this.port };
  }

  async drain(): Promise<void> {
    this.#isStopping = true;
    this.#stopping.abort();
    await this.#worker.ask('drain', undefined, STEP).catch(() => {}); // a worker that has ended is drained
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#stopping.abort();
    const worker = this.#worker;
    void worker.ask('stop', undefined, STEP).catch(() => {}); // see above
    const timeout = setTimeout(() => worker.kill(), STOP_TIMEOUT_MS);
    await worker.ended;
    clearTimeout(timeout);
  }

  #fork(): WorkerProcess {
    const { program, onConnections } = this.#options;
    return new WorkerProcess(program, this.number, onConnections);
  }

  #ask<Method extends WorkerMethod>(
    method: Method,
    argument: ArgumentOf<Method>,
    bounds: QuestionBounds,
    bytes?: number,
  ): Promise<ResultOf<Method>> {
    if (!this.#isServing) return Promise.reject(new ApiError({ kind: 'decisions_unavailable' }));
    return this.#worker.ask(method, argument, bounds, bytes);
  }

  /** Takes a worker one step further. If it ends instead, throws its crash. */
  async #step<Method extends 'prepare' | 'start'>(
    method: Method,
    argument: ArgumentOf<Method>,
  ): Promise<ResultOf<Method>> {
    const worker = this.#worker;
    const failed = worker.ended.then((end): never => {
      throw end.crash ?? new Error(`the decision process ended while it started (${describeEnd(end)})`);
    });
    return Promise.race([worker.ask(method, argument, STEP).catch((error) => rethrow(error, failed)), failed]);
  }

  async #kill(): Promise<void> {
    this.#worker.kill();
    await this.#worker.ended;
  }

  /** Restarts the worker until this process stops. */
  async #keepAlive(settings: DecisionSettings): Promise<void> {
    for (;;) {
      const startedAt = performance.now();
      const { code, signal, crash } = await this.#worker.ended;
      if (this.#isStopping) return;
      this.#isServing = false;
      if (performance.now() - startedAt > STABLE_AFTER_MS) this.#restartDelayMs = MIN_RESTART_DELAY_MS;
      this.#options.log.error(
        { code, signal, restartMs: this.#restartDelayMs, ...(crash && { err: crash }) },
        'the decision process ended; restarting it',
      );
      await this.#restart(settings);
    }
  }

  /** Starts a worker in place of one that has ended, however many attempts it takes. */
  async #restart(settings: DecisionSettings): Promise<void> {
    const { log, onReplacement } = this.#options;
    for (;;) {
      await sleep(this.#restartDelayMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      this.#restartDelayMs = Math.min(this.#restartDelayMs * 2, MAX_RESTART_DELAY_MS);
      if (this.#isStopping) return;
      this.#worker = this.#fork();
      onReplacement?.(this.#worker);
      try {
        await this.prepare();
        await this.#step('start', settings);
        this.#isServing = true;
        log.info({ pid: this.#worker.pid }, 'the decision process serves again');
        return;
      } catch (error) {
        if (this.#isStopping) return;
        await this.#kill();
        log.error({ err: error, restartMs: this.#restartDelayMs }, 'the decision process did not start; retrying');
      }
    }
  }
}

/** A question fails with `decisions_unavailable` when its worker ends. The end itself says more. */
function rethrow(error: unknown, failed: Promise<never>): Promise<never> {
  if (error instanceof ApiError && error.reason.kind === 'decisions_unavailable') return failed;
  throw error;
}

function describeEnd({ code, signal }: WorkerEnd): string {
  return signal ?? `exit code ${code}`;
}
