import { once } from 'node:events';
import { connect } from 'node:http2';
import { createConnection } from 'node:net';
import { Status } from '../../../src/generated/google/rpc/status.ts';
import type { Headers, Method } from './grpc-client.ts';

export interface RawResponse {
  readonly code: number;
  readonly details: Status['details'];
}

/** Calls a port from a local address, which gRPC clients cannot choose: over one connection, all at once. */
export async function callFrom<Request>(
  localAddress: string,
  port: number,
  { path, requestSerialize }: Method<Request, unknown>,
  requests: readonly Request[],
  headers: Headers = {},
): Promise<RawResponse[]> {
  const session = connect('http://weir', {
    createConnection: () => createConnection({ host: '127.0.0.1', port, localAddress }),
  });
  const responses = requests.map(async (request): Promise<RawResponse> => {
    const message = requestSerialize(request);
    const frame = Buffer.concat([Buffer.alloc(5), message]);
    frame.writeUInt32BE(message.length, 1);
    const stream = session.request({
      ...headers,
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.end(frame);
    const headerBlocks: Record<string, unknown>[] = [];
    for (const event of ['response', 'trailers']) stream.on(event, (headers) => headerBlocks.push(headers));
    await once(stream.resume(), 'close');
    const { 'grpc-status': code, 'grpc-status-details-bin': details = '' } = Object.assign({}, ...headerBlocks);
    return { code: Number(code), details: Status.decode(Buffer.from(details, 'base64')).details };
  });
  return Promise.all(responses).finally(() => session.close());
}
