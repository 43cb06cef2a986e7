import http from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { LoginRequest, LogoutRequest, RefreshTokenRequest } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { generateRefreshToken } from '../../../src/identity/issue-tokens/refresh-token.ts';

// A program that floods one port of a node without a credential, until it is killed. A test starts it in a process of its
// own, so that the flood does not delay the clock of the test:
//   node flood.ts KIND PORT CALLS_IN_FLIGHT

const MAX_STREAMS_PER_CONNECTION = 500;
const GRPC_HEADER_BYTES = 5;

const service = '/weir.admin.v1.AuthService';
const GRPC_FLOODS: Readonly<Record<string, { readonly path: string; readonly createMessage: () => Uint8Array }>> = {
  Login: {
    path: `${service}/Login`,
    createMessage: () =>
      LoginRequest.encode({ email: `${Math.random()}@example.com`, password: 'a guessed password' }).finish(),
  },
  Logout: {
    path: `${service}/Logout`,
    createMessage: () =>
      LogoutRequest.encode({ refreshToken: generateRefreshToken().text, allSessions: false }).finish(),
  },
  RefreshToken: {
    path: `${service}/RefreshToken`,
    createMessage: () => RefreshTokenRequest.encode({ refreshToken: generateRefreshToken().text }).finish(),
  },
};

const [kind = '', port = '', callsInFlight = ''] = process.argv.slice(2);
const grpcFlood = GRPC_FLOODS[kind];
if (grpcFlood !== undefined) floodGrpc(grpcFlood.path, grpcFlood.createMessage);
else floodHttp(kind);

function floodGrpc(path: string, createMessage: () => Uint8Array): void {
  for (let left = Number(callsInFlight); left > 0; left -= MAX_STREAMS_PER_CONNECTION) {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on('error', () => {});
    const calls = Math.min(left, MAX_STREAMS_PER_CONNECTION);
    session.on('connect', () => {
      for (let call = 0; call < calls; call++) callAgain(session, path, createMessage);
    });
  }
}

function callAgain(session: ClientHttp2Session, path: string, createMessage: () => Uint8Array): void {
  if (session.destroyed) return;
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => {});
  stream.on('close', () => callAgain(session, path, createMessage));
  stream.resume();
  const message = createMessage();
  const frame = Buffer.alloc(GRPC_HEADER_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, GRPC_HEADER_BYTES);
  stream.end(frame);
}

/** `kind` is a path; `/json` gets decisions to make. */
function floodHttp(path: string): void {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Number(callsInFlight) });
  const body =
    path === '/json' ? JSON.stringify({ domain: 'any', descriptors: [{ entries: [{ key: 'a', value: 'b' }] }] }) : '';
  const ask = (): void => {
    const request = http.request({ agent, port, path, method: body === '' ? 'GET' : 'POST' }, (response) => {
      response.resume().on('close', ask);
    });
    request.on('error', () => setImmediate(ask));
    if (body !== '') request.setHeader('content-type', 'application/json');
    request.end(body);
  };
  for (let request = 0; request < Number(callsInFlight); request++) ask();
}
