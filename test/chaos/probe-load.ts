import type { GrpcClient } from '../support/grpc-client.ts';
import { type Answer, ask, QUESTIONS, type Question, type Subject } from './probes.ts';

/** A call and what became of it; times in ms on the clock of performance.now(). */
export interface Call {
  readonly question: Question;
  /** Place of the node. */
  readonly node: number;
  readonly askedAt: number;
  readonly answeredAt: number;
  /** An error: it failed otherwise than by policy. */
  readonly answer: Answer | Error;
}

const EVERY_MS = 10;

/** Asks each node each question 100 times a second, whether or not earlier calls were answered, and keeps every answer. */
export class ConstantLoad {
  readonly #calls: Call[] = [];
  readonly #pending = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(clients: readonly GrpcClient[], subject: Subject) {
    this.#timer = setInterval(() => {
      for (const [node, client] of clients.entries()) {
        for (const question of QUESTIONS) this.#begin(node, client, question, subject);
      }
    }, EVERY_MS);
  }

  /** Resolves to all calls once the last one is answered. */
  async stop(): Promise<readonly Call[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    return this.#calls;
  }

  #begin(node: number, client: GrpcClient, question: Question, subject: Subject): void {
    const askedAt = performance.now();
    const call = ask(client, question, subject)
      .catch((error: Error) => error)
      .then((answer) => {
        this.#calls.push({ question, node, askedAt, answeredAt: performance.now(), answer });
        this.#pending.delete(call);
      });
    this.#pending.add(call);
  }
}
