import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RefusedRequest } from './refused-request.ts';

/** Time in ms for which the rest of a refused request is read, so that its sender reads the answer before it is cut off. */
const MAX_DISCARDING_MS = 500;

/**
 * Sends an error, then closes the connection: the rest of the request may never come. `body` is sent as JSON; undefined:
 * `error` with the code and the message.
 */
export async function sendRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  { status, code, message }: RefusedRequest,
  body: object = { error: { code, message } },
): Promise<void> {
  response.setHeader('connection', 'close');
  if (status === 405 && !response.hasHeader('allow')) response.setHeader('allow', 'POST');
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.write(text);
  await discardRest(request);
  response.end();
}

function discardRest(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    if (request.complete || request.destroyed) {
      resolve();
      return;
    }
    const timeout = setTimeout(resolve, MAX_DISCARDING_MS);
    const stop = (): void => {
      clearTimeout(timeout);
      resolve();
    };
    request.once('end', stop).once('close', stop).resume();
  });
}
