import type { Config } from '../../config/config.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { MetricFamily } from '../../interfaces/metric-family.ts';
import type { DecisionSettings, Decisions, StartedDecisions } from '../decisions.ts';
import { SupervisedWorker } from '../supervision/supervised-worker.ts';
import type { WorkerProgram } from '../supervision/worker-process.ts';
import type { ConnectionDistributor } from './connection-distributor.ts';
import { createPoolPort } from './pool-port.ts';
import { WorkerMetrics } from './worker-metrics.ts';

export interface WorkerPoolOptions {
  /** The program of each worker. */
  readonly program: WorkerProgram;
  readonly config: Config;
  /** Gives the workers their connections. */
  readonly distributor: ConnectionDistributor;
  /** Lets the distributor listen. Resolves to its port. */
  readonly listen: () => Promise<number>;
  /** Creates the log about a worker, by its number. */
  readonly logOf: (worker: number) => Logger;
  /** Reads the metrics of this process. */
  readonly readOwnMetrics: () => Promise<readonly MetricFamily[]>;
}

/** Runs a program as the workers of this node: as many as `config.workers`. Throws InvalidRules. */
export async function prepareWorkerPool(options: WorkerPoolOptions): Promise<Decisions> {
  const pool = new WorkerPool(options);
  await pool.prepare();
  return pool;
}

class WorkerPool implements Decisions {
  readonly #options: WorkerPoolOptions;
  readonly #metrics: WorkerMetrics;
  readonly #workers: readonly SupervisedWorker[];

  constructor(options: WorkerPoolOptions) {
    const { config, readOwnMetrics } = options;
    this.#options = options;
    this.#metrics = new WorkerMetrics(readOwnMetrics);
    this.#workers = Array.from({ length: config.workers }, (_, index) => this.#createWorker(index + 1));
  }

  async prepare(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.prepare()));
  }

  /** Resolves once all workers decide. Nothing listens before. */
  async start(settings: DecisionSettings): Promise<StartedDecisions> {
    const [started] = await Promise.all(this.#workers.map((worker) => worker.start(settings)));
    const decisionPort = await this.#options.listen();
    const port = createPoolPort(this.#workers, this.#metrics);
    return { port, decisionPort, domains: started?.domains ?? [] };
  }

  async drain(): Promise<void> {
    this.#options.distributor.drain();
    await Promise.all(this.#workers.map((worker) => worker.drain()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    this.#options.distributor.close();
  }

  #createWorker(worker: number): SupervisedWorker {
    const { program, config, distributor, logOf } = this.#options;
    return new SupervisedWorker({
      program,
      config: { ...config, worker },
      log: logOf(worker),
      onReplacement: () => this.#metrics.recordEnd(worker),
      onConnections: (process, message) => distributor.receive(process, message),
    });
  }
}
