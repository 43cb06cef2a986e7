import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server } from 'node:tls';
import type { WarningLogger } from '../../interfaces/logger.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities whose clients are let in; without it clients need no certificate. */
  readonly clientCaFile?: string;
}

const HANDSHAKE_TIMEOUT = 10_000;
const WATCH_INTERVAL = 1000;

/** A TLS server for h2 only, which takes up its files anew when they change: connections that are open stay. */
export async function createTlsServer(
  files: TlsFiles,
  accept: (socket: Socket) => void,
  log: WarningLogger | undefined,
): Promise<Server> {
  const server = createServer({
    ...(await readContext(files)),
    ALPNProtocols: ['h2'],
    requestCert: files.clientCaFile !== undefined,
    rejectUnauthorized: files.clientCaFile !== undefined,
    handshakeTimeout: HANDSHAKE_TIMEOUT,
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
      (context) => trySetContext(server, context, log),
      (error: unknown) => log?.warn({ err: error }, 'the TLS files cannot be read; the earlier ones stay'),
    );
  };
  const paths = [files.certFile, files.keyFile, files.clientCaFile].filter((path) => path !== undefined);
  for (const path of paths) watchFile(path, { interval: WATCH_INTERVAL, persistent: false }, reload);
  server.on('close', () => {
    for (const path of paths) unwatchFile(path, reload);
  });
  return server;
}

/** A certificate that was replaced before its key does not fit it: the change of the key brings the pair. */
function trySetContext(server: Server, context: SecureContextOptions, log: WarningLogger | undefined): void {
  try {
    server.setSecureContext(context);
  } catch (error) {
    log?.warn({ err: error }, 'the TLS files are no good; the earlier ones stay');
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
