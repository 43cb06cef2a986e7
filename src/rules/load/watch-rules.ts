import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { fingerprintRules } from './fingerprint.ts';
import { LimitInterner } from './limit-interner.ts';
import { type LoadRequest, loadRulesInWorker } from './load-in-worker.ts';
import { InvalidRules } from './load-rules.ts';
import { DEFAULT_FOLDER_OPTIONS, listPassedOver, type RulesFolderOptions, shortenPassedOver } from './rules-folder.ts';

export interface WatchRulesOptions {
  /** A file or a folder. */
  readonly rulesPath: string;
  /** undefined: DEFAULT_FOLDER_OPTIONS. */
  readonly folder?: RulesFolderOptions;
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Called after each change of the files. `isSuccess` is false when the new rules have faults. */
  readonly onReload: (isSuccess: boolean) => void;
}

/** Rules that are reloaded when their files change. */
export interface WatchedRules {
  /** The book in force. A successful reload replaces it; a book itself never changes. */
  readonly book: RuleBook;
  /** Resolves once no more files are read. */
  stop(): Promise<void>;
}

/**
 * The files are polled. Watchers of the file system follow a file and not its path, so they miss the symbolic-link swap
 * of Kubernetes. On network file systems they report nothing.
 */
const POLL_INTERVAL_MS = 500;
/** A file of another kind can have thousands of faults, too many for one log line. */
const MAX_LOGGED_FAULTS = 20;

/** Loads the rules and watches their files. Throws InvalidRules if they have faults at the start. */
export async function watchRules(options: WatchRulesOptions): Promise<WatchedRules> {
  const { rulesPath, folder = DEFAULT_FOLDER_OPTIONS, log } = options;
  const request: LoadRequest = { rulesPath, options: folder };
  const fingerprint = await fingerprintRules(rulesPath, folder);
  const interner = new LimitInterner();
  const book = await loadRulesInWorker(request, interner);
  const passedOver = await listPassedOver(rulesPath, folder);
  if (passedOver.length > 0) log.info(passedOverFields(passedOver), 'files in the rules folder were passed over');
  const watcher = new RulesWatcher(options, request, book, interner, fingerprint);
  watcher.start();
  return watcher;
}

/**
 * Reloads changed files once two polls have found them the same. Until then somebody may still be writing them, and
 * half of a file can be valid and lack rules.
 */
class RulesWatcher implements WatchedRules {
  readonly #options: WatchRulesOptions;
  readonly #request: LoadRequest;
  #book: RuleBook;
  /** Has the limits of the book. */
  #interner: LimitInterner;
  /** Fingerprint of the files at the last load, whether it succeeded or not. */
  #loadedFingerprint: string;
  /** Fingerprint of the files at the last poll. */
  #polledFingerprint: string;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(
    options: WatchRulesOptions,
    request: LoadRequest,
    book: RuleBook,
    interner: LimitInterner,
    fingerprint: string,
  ) {
    this.#options = options;
    this.#request = request;
    this.#book = book;
    this.#interner = interner;
    this.#loadedFingerprint = fingerprint;
    this.#polledFingerprint = fingerprint;
  }

  get book(): RuleBook {
    return this.#book;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#polling = this.#poll().then(() => {
        if (!this.#isStopped) this.start();
      });
    }, POLL_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#polling;
  }

  async #poll(): Promise<void> {
    const { log, onReload } = this.#options;
    const { rulesPath, options } = this.#request;
    const previous = this.#polledFingerprint;
    const current = await fingerprintRules(rulesPath, options);
    this.#polledFingerprint = current;
    if (current === this.#loadedFingerprint || current !== previous) return;
    const interner = new LimitInterner(this.#interner);
    const loaded = await loadRulesInWorker(this.#request, interner).catch((error: unknown) => ({ error }));
    // The files changed during the load, so the book may be a mix of old and new files.
    if ((await fingerprintRules(rulesPath, options)) !== current) return;
    this.#loadedFingerprint = current;
    if ('error' in loaded) {
      log.error(faultFields(loaded.error), 'rules reload failed; the previous rules stay in force');
      onReload(false);
      return;
    }
    this.#book = loaded;
    this.#interner = interner;
    interner.dropPrevious();
    const passedOver = await listPassedOver(rulesPath, options);
    log.info({ domains: [...loaded.keys()], ...passedOverFields(passedOver) }, 'rules reloaded');
    onReload(true);
  }
}

/** The fields of the log line for a failed reload. */
function faultFields(error: unknown): object {
  if (!(error instanceof InvalidRules)) return { err: error };
  const faults = error.message.split('\n');
  return { faults: faults.slice(0, MAX_LOGGED_FAULTS), faults_in_all: faults.length };
}

/** The fields of a log line that list what was passed over; none if nothing was. */
function passedOverFields(passedOver: readonly string[]): object {
  if (passedOver.length === 0) return {};
  return { passed_over: shortenPassedOver(passedOver), passed_over_in_all: passedOver.length };
}
