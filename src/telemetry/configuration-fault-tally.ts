/** A setting of the caller's configuration that Weir does not understand, as far as telemetry needs it. */
export interface ConfigurationFault {
  readonly name: string;
  readonly description: string;
  /** Whether the request is denied. Otherwise the setting is ignored. */
  readonly isDenied: boolean;
}

export interface ConfigurationFaultCount {
  readonly name: string;
  readonly result: 'denied' | 'ignored';
  readonly count: number;
}

/** Further names are counted and logged as OTHER_NAMES. A proxy has few settings, but anybody may call the port. */
const MAX_NAMES = 100;
const OTHER_NAMES = 'other names';
const LOG_INTERVAL_MS = 60_000;

interface NameTally {
  denied: number;
  ignored: number;
  /** On the clock of performance.now(). */
  loggedAt: number;
}

/** Counts requests with settings that Weir does not understand, by the name of the setting. */
export class ConfigurationFaultTally {
  readonly #names = new Map<string, NameTally>();
  readonly #log: (fault: ConfigurationFault) => void;

  /** `log` is called at most once a minute for each name. */
  constructor(log: (fault: ConfigurationFault) => void) {
    this.#log = log;
  }

  count(fault: ConfigurationFault): void {
    const name = this.#names.has(fault.name) || this.#names.size < MAX_NAMES ? fault.name : OTHER_NAMES;
    let tally = this.#names.get(name);
    if (tally === undefined) {
      tally = { denied: 0, ignored: 0, loggedAt: Number.NEGATIVE_INFINITY };
      this.#names.set(name, tally);
    }
    if (fault.isDenied) tally.denied++;
    else tally.ignored++;
    const now = performance.now();
    if (now - tally.loggedAt < LOG_INTERVAL_MS) return;
    tally.loggedAt = now;
    this.#log(fault);
  }

  *counts(): Iterable<ConfigurationFaultCount> {
    for (const [name, { denied, ignored }] of this.#names) {
      if (denied > 0) yield { name, result: 'denied', count: denied };
      if (ignored > 0) yield { name, result: 'ignored', count: ignored };
    }
  }
}
