import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeHeaders } from '../../src/transport/http2/hpack/header-encoder.ts';
import type { HeaderField } from '../../src/transport/http2/hpack/header-field.ts';
import { ServerConnection } from '../../src/transport/http2/server-connection.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/).map((text) => `x-${text}`);
const value = fc.stringMatching(/^[!-~]([ -~]{0,60}[!-~])?$/);
const fields = fc.uniqueArray(fc.tuple(name, value), { maxLength: 12, selector: ([key]) => key });

/** Answers a request by its own x- fields, as response headers of our encoder. */
function mirror(): ReturnType<typeof createServer> {
  return createServer((socket) => {
    const connection = new ServerConnection<readonly HeaderField[]>({
      readHead: (list) => list,
      accept: (stream, head) => {
        const mirrored = head
          .filter((field) => field.name.startsWith('x-'))
          .map((field) => [field.name, field.value] as const);
        stream.respondHeaders(encodeHeaders([[':status', '200'], ...mirrored]));
        return { data: () => {}, end: () => {}, reset: () => {} };
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

it("takes any header fields from node:http2's encoder to its decoder and back unchanged", {
  timeout: 120_000,
}, async () => {
  const server = mirror();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on a port
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    await fc.assert(
      fc.asyncProperty(fields, async (list) => {
        const request = session.request({ [constants.HTTP2_HEADER_PATH]: '/', ...Object.fromEntries(list) });
        const [answer] = await once(request, 'response');
        request.resume();
        const mirrored = Object.entries(answer).filter(([key]) => key.startsWith('x-'));
        expect(Object.fromEntries(mirrored)).toEqual(Object.fromEntries(list));
      }),
      { numRuns: 1000 },
    );
  } finally {
    session.destroy();
    server.close();
  }
});
