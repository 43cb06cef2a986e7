import { readFileSync, statSync, unwatchFile, watchFile } from 'node:fs';
import type { StoreLogger } from '../interfaces/logger.ts';

/** User and password of a server. undefined: it asks for none. */
export interface Login {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export interface LoginFileOptions {
  readonly path: string;
  /** Variable that names the file, for the log. */
  readonly variable: string;
  /** The login that the process started with. */
  readonly initial: Login;
  /** Reads the login from the content of the file, which is not empty and has no spaces at its ends. Throws UnusableLogin. */
  readonly parse: (text: string) => Login;
  readonly log: StoreLogger;
}

/** A content that cannot be used as it is. The message says what was expected, and repeats no secret. */
export class UnusableLogin extends Error {
  override readonly name = 'UnusableLogin';
}

/** A URL with a login. `target` is everything else that the URL says. */
export interface LoginUrl {
  readonly login: Login;
  readonly target: object;
}

/**
 * Reads the login of a URL whose `target` must be the same as before, so that a URL that is cut off is never used. Throws
 * UnusableLogin, also for an error of `parse` that is an `InvalidUrl`.
 */
export function parseLoginUrl(
  text: string,
  target: object,
  {
    parse,
    InvalidUrl,
  }: { readonly parse: (text: string) => LoginUrl; readonly InvalidUrl: new (message: string) => Error },
): Login {
  let parsed: LoginUrl;
  try {
    parsed = parse(text);
  } catch (error) {
    throw error instanceof InvalidUrl ? new UnusableLogin(error.message) : error;
  }
  if (JSON.stringify(parsed.target) === JSON.stringify(target)) return parsed.login;
  throw new UnusableLogin('must differ in user and password only; a restart applies other changes');
}

const WATCH_INTERVAL_MS = 1000;

/**
 * A login in a file that may be replaced while the process runs. A file that cannot be used, such as one that is half
 * written, leaves the last login in force.
 */
export class LoginFile {
  readonly #options: LoginFileOptions;
  #login: Login;
  /** The fault that was logged last; undefined: the file can be used. */
  #loggedFault: string | undefined;

  constructor(options: LoginFileOptions) {
    this.#options = options;
    this.#login = options.initial;
    // Only for the log: each connection reads the file itself, so none uses a login that is a second old.
    watchFile(options.path, { interval: WATCH_INTERVAL_MS, persistent: false }, this.#logChange);
  }

  /** Reads the file. Logs a change, and once each fault. */
  read(): Login {
    const { path } = this.#options;
    try {
      // A pipe, such as one that a shell creates, has no content any more, and reading it would block.
      if (statSync(path).isFile()) this.#adopt(this.#parse(readFileSync(path, 'utf8').trim()));
    } catch (error) {
      this.#logFault(describeFault(error));
    }
    return this.#login;
  }

  /** Stops watching the file. */
  close(): void {
    unwatchFile(this.#options.path, this.#logChange);
  }

  readonly #logChange = (): void => {
    this.read();
  };

  #parse(text: string): Login {
    if (text === '') throw new UnusableLogin('must not be empty');
    return this.#options.parse(text);
  }

  #adopt(login: Login): void {
    const { variable, log } = this.#options;
    this.#loggedFault = undefined;
    const { username, password } = this.#login;
    if (login.username === username && login.password === password) return;
    this.#login = login;
    log.info({ variable }, 'the login in a secret file has changed; new connections use it');
  }

  #logFault(reason: string): void {
    if (reason === this.#loggedFault) return;
    this.#loggedFault = reason;
    const { variable, log } = this.#options;
    log.warn({ variable, reason }, 'a secret file has changed and cannot be used; keeping the last login');
  }
}

function describeFault(error: unknown): string {
  if (error instanceof UnusableLogin) return error.message;
  if (error instanceof Error && 'code' in error) return `must be a readable file (${String(error.code)})`;
  throw error;
}
