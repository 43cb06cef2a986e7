import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHeaders } from '../../src/transport/http2/hpack/header-encoder.ts';
import type { HeaderField } from '../../src/transport/http2/hpack/header-field.ts';
import { ServerConnection } from '../../src/transport/http2/server-connection.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/).map((text) => `x-${text}`);
const value = fc.stringMatching(/^[!-~]([ -~]{0,60}[!-~])?$/);
const fields = fc.uniqueArray(fc.tuple(name, value), { maxLength: 12, selector: ([key]) => key });

/** A server that responds with the x- fields of the request, as response headers of our encoder. */
function createMirrorServer(): ReturnType<typeof createServer> {
  return createServer((socket) => {
    const connection = new ServerConnection<readonly HeaderField[]>({
      readHead: (list) => list,
      acceptRequest: (stream, list) => {
        const mirrored = list
          .filter((field) => field.name.startsWith('x-'))
          .map((field) => [field.name, field.value] as const);
        stream.respondWithHeaders(encodeHeaders([[':status', '200'], ...mirrored]));
        return { onData: () => {}, onEnd: () => {}, onReset: () => {} };
      },
    });
    socket.on('data', (bytes: Buffer) => {
      connection.receive(bytes, performance.now());
      for (const view of connection.output.take()) socket.write(Buffer.from(view));
      connection.output.release();
    });
    socket.on('error', () => {});
  });
}

describe('header compression', () => {
  it("decodes any fields from node:http2's encoder, and encodes them for its decoder without a change", {
    timeout: 120_000,
  }, async () => {
    const server = createMirrorServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // an AddressInfo, because it listens on a port
    const session = connect(`http://127.0.0.1:${port}`);
    try {
      await fc.assert(
        fc.asyncProperty(fields, async (list) => {
          const request = session.request({ [constants.HTTP2_HEADER_PATH]: '/', ...Object.fromEntries(list) });
          const [response] = await once(request, 'response');
          request.resume();
          const mirrored = Object.entries(response).filter(([key]) => key.startsWith('x-'));
          expect(Object.fromEntries(mirrored)).toEqual(Object.fromEntries(list));
        }),
        { numRuns: 1000 },
      );
    } finally {
      session.destroy();
      server.close();
    }
  });
});
