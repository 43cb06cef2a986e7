import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

// A program that floods a TLS port with handshakes until it is killed. A test starts it in a process of its own:
//   node handshake-flood.ts KIND PORT

const IN_FLIGHT = 200;
const AT_ONCE = 400;
const ALPNProtocols = ['h2'];

const [kind = '', portText = ''] = process.argv.slice(2);
const port = Number(portText);

const FLOODS: Readonly<Record<string, (hello: Buffer) => void>> = {
  handshakes: () => repeat(() => connectTls({ port, host: '127.0.0.1', ALPNProtocols, rejectUnauthorized: false })),
  'copied ClientHellos': (hello) => repeat(() => sendHello(hello)),
  'ClientHellos that nobody goes on after': (hello) => {
    for (let index = 0; index < IN_FLIGHT; index++) again(() => sendHello(hello));
  },
  'ClientHellos without their last byte, which then come all at once': (hello) => {
    setInterval(() => void sendAtOnce(hello), 1000);
  },
};

/** Keeps IN_FLIGHT connections. Each ends with the server's first bytes, or with the handshake over TLS. */
function repeat(open: () => Socket): void {
  for (let index = 0; index < IN_FLIGHT; index++)
    again(() => {
      const socket = open();
      socket.once(kind === 'handshakes' ? 'secureConnect' : 'data', () => socket.destroy());
      return socket;
    });
}

function again(open: () => Socket): void {
  const socket = open();
  socket.on('error', () => {});
  socket.on('close', () => setImmediate(again, open));
}

function sendHello(hello: Buffer): Socket {
  const socket = connectTcp({ port, host: '127.0.0.1' });
  socket.write(hello);
  return socket.resume();
}

async function sendAtOnce(hello: Buffer): Promise<void> {
  const sockets = Array.from({ length: AT_ONCE }, () => sendHello(hello.subarray(0, -1)).on('error', () => {}));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) socket.write(hello.subarray(-1));
}

/** Returns the ClientHello of Node's client. */
async function captureHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: ownPort } = server.address() as AddressInfo; // the server listens on a port
  const client = connectTls({ port: ownPort, host: '127.0.0.1', ALPNProtocols });
  client.on('error', () => {});
  const [accepted]: Socket[] = await once(server, 'connection');
  if (accepted === undefined) throw new Error('no connection');
  const [hello]: Buffer[] = await once(accepted, 'data');
  if (hello === undefined) throw new Error('no ClientHello');
  client.destroy();
  server.close();
  return hello;
}

FLOODS[kind]?.(await captureHello());
