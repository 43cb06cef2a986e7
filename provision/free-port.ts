import getPort from 'get-port';

/**
 * Finds a port of 127.0.0.1 that is free now, for programs that cannot report the port that they listen on. Never
 * returns a port twice in one process.
 */
export function findFreePort(): Promise<number> {
  return getPort({ host: '127.0.0.1', reserve: true });
}
