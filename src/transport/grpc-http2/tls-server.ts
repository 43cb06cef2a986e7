import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server } from 'node:tls';
import type { TransportLogger } from '../transport-logger.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Certificate authorities of clients. Clients must present a certificate of one; undefined: they need none. */
  readonly clientCaFile?: string;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
const WATCH_INTERVAL_MS = 1000;

/**
 * Creates a TLS server that accepts only HTTP/2 (ALPN h2). When its files change, new connections use the new ones, and
 * open connections stay. Rejects when the files cannot be read or do not fit together.
 */
export async function createTlsServer(
  files: TlsFiles,
  accept: (socket: Socket) => void,
  log: TransportLogger | undefined,
): Promise<Server> {
  const server = createServer({
    ...(await readContext(files)),
    ALPNProtocols: ['h2'],
    requestCert: files.clientCaFile !== undefined,
    rejectUnauthorized: files.clientCaFile !== undefined,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    noDelay: true,
    keepAlive: true,
  });
  server.on('secureConnection', (socket) => {
    if (socket.alpnProtocol === 'h2') accept(socket);
    else socket.destroy();
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const reload = (): void => {
    readContext(files).then(
      (context) => applyContext(server, context, log),
      (error: unknown) => log?.warn({ err: error }, 'TLS reload failed: cannot read the files; keeping the last ones'),
    );
  };
  const paths = [files.certFile, files.keyFile, files.clientCaFile].filter((path) => path !== undefined);
  for (const path of paths) watchFile(path, { interval: WATCH_INTERVAL_MS, persistent: false }, reload);
  server.on('close', () => {
    for (const path of paths) unwatchFile(path, reload);
  });
  return server;
}

/**
 * Applies changed files. A certificate that is replaced before its key does not fit it. That is logged, and the change
 * of the key then applies both.
 */
function applyContext(server: Server, context: SecureContextOptions, log: TransportLogger | undefined): void {
  try {
    server.setSecureContext(context);
  } catch (error) {
    log?.warn({ err: error }, 'TLS reload failed: the files are invalid or do not match; keeping the last ones');
  }
}

async function readContext({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<SecureContextOptions> {
  const [cert, key, ca] = await Promise.all([
    readFile(certFile),
    readFile(keyFile),
    clientCaFile === undefined ? undefined : readFile(clientCaFile),
  ]);
  return { cert, key, ...(ca !== undefined && { ca }) };
}
