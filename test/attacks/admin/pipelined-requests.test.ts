import { connect } from 'node:net';
import { expect } from 'vitest';
import { MAX_UNANSWERED_REQUESTS } from '../../../src/http/pipeline-limit.ts';
import { countAttempts } from '../../support/attempts.ts';
import { test as it } from '../../support/fixtures.ts';

const CONNECTIONS = countAttempts(5);
const REQUESTS = 5_000;

const createRequests = (path: string, count: number) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(count);

/** Sends all requests at once and reads nothing until `read` is called, which returns all that arrived in the end. */
function sendWithoutReading(port: number, requests: string) {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  let received = '';
  socket.on('error', () => {}); // the server resets the connection
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  socket.write(requests);
  const read = () => {
    socket.on('data', (text: string) => {
      received += text;
    });
    return closed;
  };
  return { read };
}

it.for(['/metrics', '/status', '/healthz', '/.well-known/jwks.json'])(
  'connections that ask for %s thousands of times and read no answer are closed, and others are served',
  async (path, { node }) => {
    const peers = Array.from({ length: CONNECTIONS }, () =>
      sendWithoutReading(node.app.ports.http, createRequests(path, REQUESTS)),
    );
    expect((await node.fetch('/readyz')).status).toBe(200);
    const received = await Promise.all(peers.map((peer) => peer.read()));
    for (const answers of received) expect(answers.split('HTTP/1.1 200').length - 1).toBeLessThan(REQUESTS);
    expect((await node.fetch('/readyz')).status).toBe(200);
  },
);

it('a client that sends a few requests before it reads gets all answers in order, again and again', async ({
  node,
}) => {
  const socket = connect(node.app.ports.http, '127.0.0.1').setEncoding('utf8');
  let answers = '';
  socket.on('data', (text: string) => {
    answers += text;
  });
  for (let round = 1; round <= 3; round++) {
    socket.write(createRequests('/metrics', MAX_UNANSWERED_REQUESTS - 1) + createRequests('/healthz', 1));
    await expect.poll(() => answers.split('\r\n\r\nok\n').length - 1).toBe(round);
  }
  expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3 * MAX_UNANSWERED_REQUESTS);
  socket.destroy();
});
