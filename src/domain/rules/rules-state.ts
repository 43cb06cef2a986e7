/** A fault of a file, with its position. */
export interface FileFault {
  readonly file: string;
  /** Starts at 1. */
  readonly line: number;
  /** Starts at 1. */
  readonly column: number;
  readonly description: string;
}

/** Where the rules in force come from, and why the files are not in force if they have faults. */
export interface RulesState {
  /** The files that the rules in force were read from, in order. Empty: only the rules that Weir brings are in force. */
  readonly files: readonly string[];
  /** A digest of the texts of the files: 16 hex digits. Empty without files. */
  readonly version: string;
  /** When the rules in force were loaded. */
  readonly loadTime: Date;
  /** undefined: the last load succeeded. */
  readonly failure: RulesFailure | undefined;
}

/** A load of rules that failed, so that the previous rules stay in force. */
export interface RulesFailure {
  readonly time: Date;
  /** The first faults. */
  readonly faults: readonly FileFault[];
  readonly omittedFaults: number;
}
