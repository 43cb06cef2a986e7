import { once } from 'node:events';
import { createServer } from 'node:net';

/** The system may give a port again as soon as it is free. */
const given = new Set<number>();

/** A port of 127.0.0.1 that was free just now, and each time another, for programs that cannot tell which one they took. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
    if (given.has(address.port)) continue;
    given.add(address.port);
    return address.port;
  }
}
