import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { ApiError } from '../../domain/api-error.ts';
import { fromPlainError, type PlainError } from '../channel/plain-error.ts';
import { type QuestionBounds, QuestionQueue } from '../channel/question-queue.ts';
import type {
  ArgumentOf,
  ConnectionMessage,
  MessageFromWorker,
  MessageToWorker,
  ResultOf,
  WorkerMethod,
} from '../channel/worker-messages.ts';

/** How a worker has ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The exception that ended it; undefined: it reported none. */
  readonly crash: Error | undefined;
}

/** How workers are started. */
export interface WorkerProgram {
  readonly url: URL;
  /** Takes what a worker writes to stdout, line by line, each with its end. undefined: it has the stdout of this process. */
  readonly takeLine: ((line: string) => void) | undefined;
}

/** A worker in a process of its own. It writes to the same stderr, and ends with this process. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #questions: QuestionQueue;
  readonly ended: Promise<WorkerEnd>;

  /**
   * `number` is that of the worker among those of this process, from 1. `onConnections` gets what the worker reports about its
   * connections.
   */
  constructor(
    { url, takeLine }: WorkerProgram,
    number: number,
    onConnections: (worker: WorkerProcess, message: ConnectionMessage) => void = () => {},
  ) {
    this.#child = fork(url, {
      serialization: 'advanced',
      execArgv: workerArguments(process.execArgv, number),
      stdio: ['inherit', takeLine === undefined ? 'inherit' : 'pipe', 'inherit', 'ipc'],
    });
    if (takeLine !== undefined) splitLines(this.#child.stdout, takeLine);
    this.#questions = new QuestionQueue((questions) => this.#send({ kind: 'questions', questions }));
    const { promise, resolve } = Promise.withResolvers<WorkerEnd>();
    this.ended = promise;
    let crash: PlainError | undefined;
    this.#child.on('message', (message: MessageFromWorker) => {
      if (message.kind === 'answers') this.#questions.receive(message.answers);
      else if (message.kind === 'crashed') crash = message.error;
      else onConnections(this, message);
    });
    // A worker that hangs would not notice that this process has ended.
    const kill = () => this.kill();
    process.once('exit', kill);
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      process.off('exit', kill);
      this.#questions.abandonAll(new ApiError({ kind: 'decisions_unavailable' }));
      resolve({ code, signal, crash: crash && fromPlainError(crash) });
    };
    // Everything that it wrote has been read by then.
    this.#child.once('close', end);
    this.#child.once('error', () => end(null, null)); // it could not be started
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  ask<Method extends WorkerMethod>(
    method: Method,
    argument: ArgumentOf<Method>,
    bounds: QuestionBounds,
    bytes?: number,
  ): Promise<ResultOf<Method>> {
    return this.#questions.ask(method, argument, bounds, bytes);
  }

  /** Gives a connection to the worker. It stays open here, too, because a worker that ends may not have taken it. */
  giveConnection(socket: Socket): void {
    const message: MessageToWorker = { kind: 'connection' };
    this.#child.send(message, socket, { keepOpen: true }, () => {}); // an error means that it has ended: see above
  }

  /** Says that no connection comes any more. */
  endConnections(): void {
    this.#send({ kind: 'left' });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: MessageToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {}); // an error means that it has ended: see above
  }
}

/** Passes on the lines of a stream. The last one of a process that was killed may be cut off. */
function splitLines(stream: Readable | null, takeLine: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) takeLine(`${line}\n`);
  });
  stream?.once('end', () => {
    if (rest !== '') takeLine(`${rest}\n`);
  });
}

/**
 * Least size of the space for new objects, in MB. Without it, V8 shrinks that space to 1 MB where few requests come. It is
 * then cleared so often that objects of calls in progress count as old ones, and clearing old ones away makes requests
 * wait 20 to 40 ms on two cores, every ten seconds.
 */
const MIN_SEMI_SPACE_MB = 8;

const INSPECTOR_PORT = /^(--inspect(?:-brk|-wait|-port)?=(?:.*:)?)(\d+)$/;

/** Node's arguments for a worker: those of this process come last and win, but its inspector has a port of its own. */
function workerArguments(execArgv: readonly string[], number: number): string[] {
  const inherited = execArgv.map((argument) =>
    argument.replace(INSPECTOR_PORT, (_, option: string, port: string) => `${option}${Number(port) + number}`),
  );
  return [`--min-semi-space-size=${MIN_SEMI_SPACE_MB}`, ...inherited];
}
