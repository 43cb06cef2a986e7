import type { LogOutput } from './log-output.ts';

/** Which decisions are logged: the chance of each, from 0 to 1. */
export interface DecisionSampling {
  readonly allowed: number;
  readonly denied: number;
}

/** Decisions that wait to be written: about 5 MB. */
const MAX_WAITING = 10_000;
/** Formatting a decision takes some µs. Calls that arrive meanwhile wait for no more than this many. */
const MAX_LINES_PER_TURN = 50;
const STOP_TIMEOUT_MS = 1_000;

interface WaitingEntry {
  /** Unix time in ms. */
  readonly time: number;
  readonly fields: object;
}

/**
 * Logs decisions to stdout, each as a line of JSON. A decision is noted while its batch is answered, and formatted in a
 * later turn of the event loop. Decisions without room are dropped.
 */
export class DecisionLog {
  readonly #sampling: DecisionSampling;
  readonly #output: LogOutput;
  #waiting: WaitingEntry[] = [];
  #isScheduled = false;
  #dropped = 0;

  constructor(sampling: DecisionSampling, output: LogOutput) {
    this.#sampling = sampling;
    this.#output = output;
  }

  /** Decisions that were lost because the log is read too slowly. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether to log the decision at hand. Only then is its line worth describing. */
  selects(isDenied: boolean): boolean {
    const chance = isDenied ? this.#sampling.denied : this.#sampling.allowed;
    return chance === 1 || (chance > 0 && Math.random() < chance);
  }

  /** Takes a decision that was made now. Returns at once. */
  add(fields: object): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#dropped++;
      return;
    }
    this.#waiting.push({ time: Date.now(), fields });
    this.#schedule();
  }

  /** Writes what waits, as far as it is read in time. */
  async stop(): Promise<void> {
    const giveUpAt = performance.now() + STOP_TIMEOUT_MS;
    while (this.#waiting.length > 0 && performance.now() < giveUpAt) {
      this.#writeSome();
      await this.#output.flush(giveUpAt - performance.now());
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#writeSome();
      this.#isScheduled = false;
      if (this.#waiting.length === 0) return;
      if (this.#output.isBusy) this.#output.onceFree(() => this.#schedule());
      else this.#schedule();
    });
  }

  #writeSome(): void {
    for (const entry of this.#waiting.splice(0, MAX_LINES_PER_TURN)) this.#output.write(formatEntry(entry));
  }
}

/** The first members are those of other log lines. */
function formatEntry({ time, fields }: WaitingEntry): string {
  const common = { level: 'info', time: new Date(time).toISOString(), process: 'decision', msg: 'decision' };
  return `${JSON.stringify({ ...common, ...fields })}\n`;
}
