import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';

/** Ports of 127.0.0.1 that nobody listens on, all different. Somebody else could take one before it is used. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port); // it listens on TCP
  for (const server of servers) server.close();
  return ports;
}

/** Waits until `ready` holds; throws when that takes longer than the seconds given, or `failed` says why it never will. */
export async function waitUntil(
  what: string,
  seconds: number,
  ready: () => Promise<boolean>,
  failed: () => string | undefined,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await ready())) {
    const reason = failed() ?? (performance.now() > deadline ? `not within ${seconds} s` : undefined);
    if (reason !== undefined) throw new Error(`${what}: ${reason}`);
    await after(50);
  }
}

export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
