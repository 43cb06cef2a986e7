/** Whether requests with settings that Weir does not understand are denied, or pass with a warning. */
export type UnknownSettings = 'deny' | 'warn';

/** A setting that the caller's configuration sends with each request, and that Weir does not understand. */
export interface ConfigurationFault {
  /** Its name, such as the key of the context extension or of the descriptor's entry, at most 64 characters of it. For the log and for metadata. */
  readonly name: string;
  /** The expectation that it does not meet, for the log. */
  readonly description: string;
  /** The message of the response. undefined: that of the code, which does not name the setting. */
  readonly message: string | undefined;
  /** Whether the request is denied. Otherwise the setting is ignored. */
  readonly isDenied: boolean;
}
