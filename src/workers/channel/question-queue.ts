import { ApiError } from '../../domain/api-error.ts';
import { fromPlainError } from './plain-error.ts';
import type { Answer, ArgumentOf, Question, ResultOf, WorkerMethod } from './worker-messages.ts';

export interface QuestionBounds {
  /** Questions of this kind that may be in progress. */
  readonly maxInFlight: number;
  /** Time in ms after which nobody waits for the answer any more; undefined: no limit. */
  readonly timeoutMs: number | undefined;
}

interface Waiting {
  readonly method: WorkerMethod;
  readonly bytes: number;
  readonly timeout: NodeJS.Timeout | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Memory of the messages that are in progress. Most have a few hundred bytes, and none may have more than 1 MiB. */
const MAX_BYTES_IN_FLIGHT = 8 * 1024 * 1024;

/**
 * Asks a worker and matches its answers. Questions of one turn of the event loop leave as one message. Each kind of
 * question is bounded apart, so that a flood of one does not shut out the others.
 */
export class QuestionQueue {
  readonly #send: (questions: readonly Question[]) => void;
  readonly #waiting = new Map<number, Waiting>();
  readonly #inFlight = new Map<WorkerMethod, number>();
  #bytesInFlight = 0;
  #nextId = 1;
  #unsent: Question[] = [];

  /** `send` sends questions to the worker. */
  constructor(send: (questions: readonly Question[]) => void) {
    this.#send = send;
  }

  /**
   * Rejects with `too_many_calls` at once if too many such questions are in progress, and with `decisions_unavailable`
   * if the answer does not come in time. `bytes` is the size of the argument, where it may be large.
   */
  ask<Method extends WorkerMethod>(
    method: Method,
    argument: ArgumentOf<Method>,
    { maxInFlight, timeoutMs }: QuestionBounds,
    bytes = 0,
  ): Promise<ResultOf<Method>> {
    const inFlight = this.#inFlight.get(method) ?? 0;
    if (inFlight >= maxInFlight || this.#bytesInFlight + bytes > MAX_BYTES_IN_FLIGHT) {
      return Promise.reject(new ApiError({ kind: 'too_many_calls', retryAfterSeconds: 1 }));
    }
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timeout =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => this.#remove(id)?.reject(new ApiError({ kind: 'decisions_unavailable' })), timeoutMs);
    this.#inFlight.set(method, inFlight + 1);
    this.#bytesInFlight += bytes;
    this.#waiting.set(id, { method, bytes, timeout, resolve, reject });
    if (this.#unsent.push({ id, method, argument }) === 1) setImmediate(() => this.#flush());
    return promise as Promise<ResultOf<Method>>; // the worker's method of that name gave the answer
  }

  receive(answers: readonly Answer[]): void {
    for (const answer of answers) {
      const waiting = this.#remove(answer.id); // undefined: the answer came too late
      if ('error' in answer) waiting?.reject(fromPlainError(answer.error));
      else waiting?.resolve(answer.result);
    }
  }

  /** Rejects all questions in progress: their worker has ended. */
  abandonAll(error: Error): void {
    for (const id of [...this.#waiting.keys()]) this.#remove(id)?.reject(error);
    this.#unsent = [];
  }

  #flush(): void {
    const questions = this.#unsent.filter(({ id }) => this.#waiting.has(id));
    this.#unsent = [];
    if (questions.length > 0) this.#send(questions);
  }

  #remove(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(id);
    clearTimeout(waiting.timeout);
    this.#bytesInFlight -= waiting.bytes;
    this.#inFlight.set(waiting.method, (this.#inFlight.get(waiting.method) ?? 1) - 1);
    return waiting;
  }
}
