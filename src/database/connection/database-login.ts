import pg, { type ClientConfig } from 'pg';
import { type Login, LoginFile, type LoginUrl, parseLoginUrl } from '../../files/login-file.ts';
import type { StoreLogger } from '../../interfaces/logger.ts';
import { InvalidDatabaseUrl, parseDatabaseUrl } from './database-url.ts';

export interface DatabaseLoginOptions {
  /** The URL that the process started with. */
  readonly url: string;
  /** Path of the file that it was read from. */
  readonly file: string;
  readonly log: StoreLogger;
}

type Target = Required<Pick<ClientConfig, 'host' | 'port' | 'database'>>;

const VARIABLE = 'DATABASE_URL_FILE';
/** SQLSTATE of invalid_password. */
const INVALID_PASSWORD = '28P01';

/**
 * User and password in the file of a Postgres URL. Each connection signs in with what the file has when it opens. While
 * Postgres refuses a changed password, connections use the one before: a role of Postgres has only one password, and the file
 * may change first.
 */
export class DatabaseLogin {
  readonly #file: LoginFile;
  readonly #log: StoreLogger;
  readonly #target: Target;
  /** The last login that Postgres accepted, as far as is known. */
  #accepted: Login;
  /** The changed login that Postgres has refused; undefined: none. */
  #refused: Login | undefined;

  /** Throws InvalidDatabaseUrl. */
  constructor({ url, file: path, log }: DatabaseLoginOptions) {
    const initial = parseTarget(url);
    this.#target = initial.target;
    this.#accepted = initial.login;
    this.#log = log;
    this.#file = new LoginFile({
      ...{ path, variable: VARIABLE, initial: initial.login, log },
      parse: (text) => parseLoginUrl(text, initial.target, { parse: parseTarget, InvalidUrl: InvalidDatabaseUrl }),
    });
  }

  /** Creates the class of the connections that sign in with this login. Their other settings are those of the pool. */
  createClientClass(): new () => pg.Client {
    const signIn = (config: ClientConfig) => this.#signIn(config);
    return class extends pg.Client {
      constructor(config: ClientConfig = {}) {
        super(signIn(config));
      }
    };
  }

  /** Stops watching the file. */
  close(): void {
    this.#file.close();
  }

  #signIn({ connectionString: _, ...others }: ClientConfig): ClientConfig {
    const login = this.#file.read();
    const config = { ...others, ...this.#target, user: login.username };
    return { ...config, password: () => this.#choosePassword(login, config) };
  }

  async #choosePassword(login: Login, config: ClientConfig): Promise<string> {
    const { username, password = '' } = login;
    const isChanged = username === this.#accepted.username && password !== this.#accepted.password;
    if (isChanged && (await isRefused({ ...config, password }))) {
      if (this.#refused !== login) {
        this.#log.warn(
          { variable: VARIABLE },
          'Postgres refuses the changed password; trying it again for each connection',
        );
      }
      this.#refused = login;
      return this.#accepted.password ?? '';
    }
    if (this.#refused === login) this.#log.info({ variable: VARIABLE }, 'Postgres accepts the changed password');
    this.#refused = undefined;
    this.#accepted = login;
    return password;
  }
}

/** Opens a connection only to find out whether Postgres refuses its password. */
async function isRefused(config: ClientConfig): Promise<boolean> {
  const client = new pg.Client(config);
  client.on('error', () => {}); // unheard, it would end the process
  try {
    await client.connect();
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === INVALID_PASSWORD;
  } finally {
    await client.end().catch(() => {}); // it was not connected, or was lost meanwhile
  }
}

const DEFAULT_PORT = 5432;

function parseTarget(text: string): LoginUrl & { readonly target: Target } {
  const { address, host } = parseDatabaseUrl(text);
  const { username, password, port, pathname } = new URL(address);
  const [user, secret, database] = [username, password, pathname.slice(1)].map(decode);
  return {
    login: { username: user || undefined, password: secret || undefined },
    target: { host, port: Number(port || DEFAULT_PORT), database: database ?? '' },
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InvalidDatabaseUrl('must have its user, password and database percent-encoded');
  }
}
