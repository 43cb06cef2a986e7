import { type Login, LoginFile, type LoginUrl, parseLoginUrl } from '../../../files/login-file.ts';
import type { StoreLogger } from '../../../interfaces/logger.ts';
import { InvalidRedisUrl, parseRedisUrl, type RedisUrl } from './redis-url.ts';

/** Logins that a Redis URL does not contain, and files of those that may change. */
export interface RedisLoginOptions {
  /** Path of the file that the URL was read from. Connections use the user and password that it has when they open. */
  readonly urlFile?: string | undefined;
  /** Login of the Sentinels. User and password in the URL are those of the servers. */
  readonly sentinel: {
    readonly username?: string | undefined;
    readonly password?: string | undefined;
    /** Path of the file that the password was read from. Read again as `urlFile` is. */
    readonly passwordFile?: string | undefined;
  };
}

/** Reads the logins that connections use from now on. They change when the files behind them do. */
export interface RedisLogins {
  /** Login of the servers that hold counters. */
  readonly forServer: () => Login;
  readonly forSentinel: () => Login;
  /** Stops watching the files. */
  close(): void;
}

/** Opens the logins of a URL and of the Sentinels. Those without a file never change. */
export function openRedisLogins(
  url: RedisUrl,
  { urlFile, sentinel: { username, password, passwordFile } }: RedisLoginOptions,
  log: StoreLogger,
): RedisLogins {
  const { login: server, target } = splitUrl(url);
  const parse = (text: string) => splitUrl(parseRedisUrl(text));
  const sentinel = { username, password };
  const serverFile =
    urlFile === undefined
      ? undefined
      : new LoginFile({
          ...{ path: urlFile, variable: 'REDIS_URL_FILE', initial: server, log },
          parse: (text) => parseLoginUrl(text, target, { parse, InvalidUrl: InvalidRedisUrl }),
        });
  const sentinelFile =
    passwordFile === undefined
      ? undefined
      : new LoginFile({
          ...{ path: passwordFile, variable: 'REDIS_SENTINEL_PASSWORD_FILE', initial: sentinel, log },
          parse: (text) => ({ username, password: text }),
        });
  return {
    forServer: () => serverFile?.read() ?? server,
    forSentinel: () => sentinelFile?.read() ?? sentinel,
    close() {
      serverFile?.close();
      sentinelFile?.close();
    },
  };
}

function splitUrl({ username, password, ...target }: RedisUrl): LoginUrl {
  return { login: { username, password }, target };
}
