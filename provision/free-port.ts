import getPort from 'get-port';

/**
 * A port of 127.0.0.1 that is free now, for programs that cannot report which port they have taken. Never returns a port
 * twice in one process.
 */
export function freePort(): Promise<number> {
  return getPort({ host: '127.0.0.1', reserve: true });
}
