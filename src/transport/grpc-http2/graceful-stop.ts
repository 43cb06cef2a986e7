import { setImmediate as endOfTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Http2Socket } from './http2-socket.ts';

/** A peer that has not answered the PING of the first GOAWAY by then gets the second GOAWAY. */
const MAX_ANNOUNCEMENT_MS = 1000;
/**
 * Time without a new connection after which the listener closes. The clients that were asked to leave connect again
 * with their next call, unless they have learned that this server stops.
 */
const QUIET_MS = 200;
const MAX_QUIET_WAIT_MS = 1000;

/** A server that stops. */
export interface StoppingServer {
  /** The connections that are open now. */
  listConnections(): readonly Http2Socket[];
  /** When the listener last accepted a connection, in ms on the clock of performance.now(). */
  lastConnectionAt(): number;
  /** Accepts no more connections. Resolves when all that were accepted are closed. */
  closeListener(): Promise<void>;
}

/**
 * Asks the clients to go elsewhere, and closes the listener when they have disconnected and no more of them connect. The
 * kernel resets the connections that it has established and the listener has not accepted yet, with the calls that they
 * carry. So the listener must not close just when clients that have left their connections open others.
 */
export async function stopGracefully(server: StoppingServer, graceMs: number): Promise<void> {
  const clients = server.listConnections();
  await drain(clients, graceMs);
  if (clients.length > 0) await waitUntilQuiet(server, Math.min(MAX_QUIET_WAIT_MS, graceMs / 4));
  const listenerClosed = server.closeListener();
  await drain(server.listConnections(), graceMs); // those that connected meanwhile
  await listenerClosed;
}

/** Shuts the connections down, and waits until they are closed. */
async function drain(connections: readonly Http2Socket[], graceMs: number): Promise<void> {
  const allClosed = connections.map((connection) => connection.waitUntilClosed());
  for (const connection of connections) connection.announceShutdown();
  const announcementTimer = setTimeout(
    () => {
      for (const connection of connections) connection.completeShutdown();
    },
    Math.min(MAX_ANNOUNCEMENT_MS, graceMs / 2),
  );
  await Promise.all(allClosed);
  clearTimeout(announcementTimer);
}

/** Waits until no client has connected for QUIET_MS. Gives up after `maxMs`. */
async function waitUntilQuiet(server: StoppingServer, maxMs: number): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const quietSince = Math.max(startedAt, server.lastConnectionAt());
    const waitMs = Math.min(quietSince + QUIET_MS, startedAt + maxMs) - performance.now();
    if (waitMs <= 0) return;
    await sleep(waitMs);
    await endOfTurn(); // the listener has now accepted what connected while this process was busy
  }
}
