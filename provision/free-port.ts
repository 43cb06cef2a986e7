import getPort, { portNumbers } from 'get-port';

/**
 * Below the ports that systems give to outgoing connections (32768 and above on Linux, tcp(7)). So no connection can take
 * the port before the program listens on it.
 */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_000;

/**
 * Finds a port of 127.0.0.1 that is free now, for programs that cannot report the port that they listen on. Never
 * returns a port twice in one process. It starts at a random port, so that other processes hardly find the same.
 */
export function findFreePort(): Promise<number> {
  const first = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
  return getPort({ host: '127.0.0.1', reserve: true, port: portNumbers(first, LAST_PORT) });
}
