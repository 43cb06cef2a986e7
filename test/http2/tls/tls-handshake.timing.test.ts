import { connect as connectTcp } from 'node:net';
import { describe, expect, it } from 'vitest';
import { grpcMessage } from '../frame-builders.ts';
import { call, openSession, serve, useTlsServers } from './tls-servers.ts';

useTlsServers();

describe('a server with TLS', () => {
  it('closes a connection without a handshake after 10 s, or at once to make room, but not one with calls', {
    timeout: 60_000,
  }, async () => {
    const port = await serve({ maxConnections: 2 });
    const client = await openSession(port, { rejectUnauthorized: false });
    await call(client, Buffer.from('first'));
    const silentSockets = [connectTcp(port, '127.0.0.1'), connectTcp(port, '127.0.0.1')];
    const lifetimesMs = await Promise.all(
      silentSockets.map(async (socket) => {
        const start = performance.now();
        socket.on('error', () => {}).resume();
        await new Promise((resolve) => socket.once('close', resolve));
        return performance.now() - start;
      }),
    );
    expect(Math.min(...lifetimesMs)).toBeLessThan(5000);
    expect(Math.max(...lifetimesMs)).toBeGreaterThan(9000);
    expect(Math.max(...lifetimesMs)).toBeLessThan(30_000);
    expect(await call(client, Buffer.from('still'))).toEqual(grpcMessage(Buffer.from('still')));
    client.close();
  });
});
