import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { fingerprintRules } from './fingerprint.ts';
import { LimitInterner } from './limit-interner.ts';
import { loadRulesInWorker } from './load-in-worker.ts';
import { InvalidRules } from './load-rules.ts';

export interface WatchRulesOptions {
  /** A file or a folder. */
  readonly place: string;
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Told of each change of the files, whether it could be taken up. */
  readonly onReload: (isTakenUp: boolean) => void;
}

/** Rules that are read again when their files change. */
export interface WatchedRules {
  /** Another one after each change that was taken up; a book itself never changes. */
  readonly book: RuleBook;
  /** Resolves once nothing is read any more. */
  stop(): Promise<void>;
}

/**
 * The file system is asked what has changed, and not told to say so: its watchers follow a file and not its path, so that
 * they miss Kubernetes' swap of a symbolic link, and are silent on network file systems.
 */
const POLL_MS = 500;
/** A log line is no place for all faults of a file that is something else altogether. */
const MOST_FAULTS_TOLD = 20;

/** Loads the rules and follows their files. Throws InvalidRules when they have faults at the start. */
export async function watchRules(options: WatchRulesOptions): Promise<WatchedRules> {
  const fingerprint = await fingerprintRules(options.place);
  const known = new LimitInterner();
  const follower = new RulesFollower(options, await loadRulesInWorker(options.place, known), known, fingerprint);
  follower.start();
  return follower;
}

/**
 * Files are read when they look the same as at the poll before: who writes a file piece by piece is not read in the
 * middle, where it may be without fault and lack rules.
 */
class RulesFollower implements WatchedRules {
  readonly #options: WatchRulesOptions;
  #book: RuleBook;
  /** Those of the book. */
  #known: LimitInterner;
  /** Of the files that were read last, with faults or without. */
  #read: string;
  #seen: string;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: WatchRulesOptions, book: RuleBook, known: LimitInterner, fingerprint: string) {
    this.#options = options;
    this.#book = book;
    this.#known = known;
    this.#read = fingerprint;
    this.#seen = fingerprint;
  }

  get book(): RuleBook {
    return this.#book;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#polling = this.#poll().then(() => {
        if (!this.#isStopped) this.start();
      });
    }, POLL_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#polling;
  }

  async #poll(): Promise<void> {
    const { place, log, onReload } = this.#options;
    const before = this.#seen;
    this.#seen = await fingerprintRules(place);
    if (this.#seen === this.#read || this.#seen !== before) return;
    const known = new LimitInterner(this.#known);
    const loaded = await loadRulesInWorker(place, known).catch((error: unknown) => ({ error }));
    // Changed while they were read: some may be of before, others of after.
    if ((await fingerprintRules(place)) !== this.#seen) return;
    this.#read = this.#seen;
    if ('error' in loaded) {
      log.error(describe(loaded.error), 'the rules files have changed and cannot be taken up; the earlier rules stay');
      onReload(false);
      return;
    }
    this.#book = loaded;
    this.#known = known;
    known.forgetEarlier();
    log.info({ domains: [...loaded.keys()] }, 'the rules files have changed and were taken up');
    onReload(true);
  }
}

function describe(error: unknown): object {
  if (!(error instanceof InvalidRules)) return { err: error };
  const faults = error.message.split('\n');
  return { faults: faults.slice(0, MOST_FAULTS_TOLD), faults_in_all: faults.length };
}
