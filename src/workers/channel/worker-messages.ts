import type { Config } from '../../config/config.ts';
import type { DecisionPort } from '../decision-port.ts';
import type { DecisionSettings, StartedDecisions } from '../decisions.ts';
import type { PlainError } from './plain-error.ts';

/** Everything that the control process can ask of a worker: the steps of its life, and the questions of the port. */
export interface WorkerMethods extends DecisionPort {
  prepare(config: Config): Promise<void>;
  start(settings: DecisionSettings): Promise<Omit<StartedDecisions, 'port'>>;
  drain(argument: undefined): Promise<void>;
  stop(argument: undefined): Promise<void>;
}

export type WorkerMethod = keyof WorkerMethods;
export type ArgumentOf<Method extends WorkerMethod> = Parameters<WorkerMethods[Method]>[0];
export type ResultOf<Method extends WorkerMethod> = Awaited<ReturnType<WorkerMethods[Method]>>;

export interface Question {
  readonly id: number;
  readonly method: WorkerMethod;
  readonly argument: unknown;
}

export type Answer = { readonly id: number } & ({ readonly result: unknown } | { readonly error: PlainError });

export type MessageToWorker =
  /** All questions of one turn of the event loop. */
  { readonly kind: 'questions'; readonly questions: readonly Question[] } | ConnectionMessageToWorker;

export type ConnectionMessageToWorker =
  /** Comes with the socket of a client. */
  | { readonly kind: 'connection' }
  /** The answer to `leaves`: no connection comes after it. */
  | { readonly kind: 'left' };

/** Reports of a worker about the connections that the primary process gives it. */
export type ConnectionMessage =
  /** It takes connections from now on. */
  | { readonly kind: 'joins' }
  /** It takes no more. */
  | { readonly kind: 'leaves' }
  /** Since the last report, this many connections were taken, in the order in which they were given, and this many have closed. */
  | { readonly kind: 'connections'; readonly taken: number; readonly closed: number };

export type MessageFromWorker =
  /** All answers of one turn of the event loop. */
  | { readonly kind: 'answers'; readonly answers: readonly Answer[] }
  /** An uncaught exception. The worker exits. */
  | { readonly kind: 'crashed'; readonly error: PlainError }
  | ConnectionMessage;
