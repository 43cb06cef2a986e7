/**
 * The files are polled. Watchers of the file system follow a file and not its path, so they miss the symbolic-link swap
 * of Kubernetes. On network file systems they report nothing.
 */
const POLL_INTERVAL_MS = 500;

export interface PolledFilesOptions<Loaded> {
  /** Computes a string that differs after the files changed. Never rejects. */
  readonly fingerprint: () => Promise<string>;
  /** Loads the files. Rejects if they have faults. `previous` is in force. */
  readonly load: (previous: Loaded) => Promise<Loaded>;
  /** Called once a load has come into force. */
  readonly onLoaded: (loaded: Loaded) => void | Promise<void>;
  /** Called when changed files could not be loaded. The previous load stays in force. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * Files that are loaded again when they change, once two polls have found them the same. Until then somebody may still be
 * writing them, and half of a file can be valid and lack entries.
 */
export class PolledFiles<Loaded> {
  readonly #options: PolledFilesOptions<Loaded>;
  #current: Loaded;
  /** Fingerprint of the files at the last load, whether it succeeded or not. */
  #loadedFingerprint: string;
  /** Fingerprint of the files at the last poll. */
  #polledFingerprint: string;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> = Promise.resolve();
  #isStopped = false;

  /** `initial` was loaded from files with the fingerprint. */
  constructor(options: PolledFilesOptions<Loaded>, initial: Loaded, fingerprint: string) {
    this.#options = options;
    this.#current = initial;
    this.#loadedFingerprint = fingerprint;
    this.#polledFingerprint = fingerprint;
  }

  /** The load in force. */
  get current(): Loaded {
    return this.#current;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#polling = this.#poll().then(() => {
        if (!this.#isStopped) this.start();
      });
    }, POLL_INTERVAL_MS);
  }

  /** Resolves once no more files are read. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#polling;
  }

  async #poll(): Promise<void> {
    const { fingerprint, load, onLoaded, onFailed } = this.#options;
    const previous = this.#polledFingerprint;
    const current = await fingerprint();
    this.#polledFingerprint = current;
    if (current === this.#loadedFingerprint || current !== previous) return;
    const result = await load(this.#current).then(
      (loaded) => ({ loaded }),
      (error: unknown) => ({ error }),
    );
    // The files changed during the load, so it may be a mix of old and new files.
    if ((await fingerprint()) !== current) return;
    this.#loadedFingerprint = current;
    if ('error' in result) {
      onFailed(result.error);
      return;
    }
    this.#current = result.loaded;
    await onLoaded(result.loaded);
  }
}
