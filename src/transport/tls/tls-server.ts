import { constants } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import type { TransportLogger } from '../transport-logger.ts';
import { findExpiry } from './certificate-expiry.ts';
import { isAllowedIdentity, readClientIdentity } from './client-identity.ts';
import { HandshakePacer } from './handshake-pacer.ts';

/** Paths of PEM files, and who may connect. */
export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  /** Certificate authorities of clients. Clients must present a certificate of one; undefined: they need none. */
  readonly clientCaFile?: string;
  /** Identities of the clients that may connect (client-identity.ts); undefined: all with a certificate. */
  readonly clientIdentities?: readonly string[] | undefined;
  /** Called whenever a certificate comes into use, with the time at which it expires, in ms since 1970. */
  readonly onCertificate?: ((expiresAt: number) => void) | undefined;
}

/** TLS over connections that a TCP listener accepts. */
export interface TlsServer {
  /** Takes a connection that was just accepted. */
  add(socket: Socket): void;
  /** Stops watching the files. Connections stay. */
  close(): void;
}

/** Parts of a server that its TLS server uses. */
interface TlsServerOptions {
  /** The protocol that clients negotiate (ALPN). HTTP/1.1 is also spoken with clients that negotiate none. */
  readonly protocol: 'h2' | 'http/1.1';
  /** Called with each connection that may carry requests. */
  readonly accept: (socket: Socket) => void;
  /** Computes the network of a client from its IP address (HandshakePacerOptions). */
  readonly networkOf: (address: string) => string;
  readonly log: TransportLogger | undefined;
}

interface TlsContext extends SecureContextOptions {
  /** PEM: the certificate, and those of the authorities between it and the one that clients trust. */
  readonly cert: Buffer;
}

const WATCH_INTERVAL_MS = 1000;
/** Time between two log lines about clients that may not connect. */
const REFUSAL_LOG_INTERVAL_MS = 10_000;

/**
 * Creates a TLS server that accepts one protocol. When its files change, new connections use the new ones, and
 * open connections stay. Rejects when the files cannot be read or do not fit together.
 */
export async function createTlsServer(
  settings: TlsSettings,
  { protocol, accept, networkOf, log }: TlsServerOptions,
): Promise<TlsServer> {
  const { clientCaFile } = settings;
  // It does not listen: the pacer gives it the connections.
  const context = await readContext(settings);
  const server = createServer({
    ...context,
    ALPNProtocols: [protocol],
    requestCert: clientCaFile !== undefined,
    rejectUnauthorized: clientCaFile !== undefined,
  });
  const pacer = new HandshakePacer({ networkOf, startHandshake: (socket) => server.emit('connection', socket), log });
  const mayConnect = createIdentityCheck(settings.clientIdentities, log);
  const hasNegotiated = ({ alpnProtocol }: TLSSocket): boolean =>
    alpnProtocol === protocol || (protocol === 'http/1.1' && alpnProtocol === false);
  server.on('secureConnection', (socket) => {
    pacer.markSecure(socket);
    if (hasNegotiated(socket) && mayConnect(socket)) accept(socket);
    else socket.destroy();
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  settings.onCertificate?.(findExpiry(context.cert));
  const stopWatching = watchContext(settings, server, log);
  return { add: (socket) => pacer.add(socket), close: stopWatching };
}

/** Applies the files whenever they change. Returns a function that ends this. */
function watchContext(settings: TlsSettings, server: Server, log: TransportLogger | undefined): () => void {
  const reload = (): void => {
    readContext(settings).then(
      (context) => applyContext(server, context, settings.onCertificate, log),
      (error: unknown) => log?.warn({ err: error }, 'TLS reload failed: cannot read the files; keeping the last ones'),
    );
  };
  const paths = [settings.certFile, settings.keyFile, settings.clientCaFile].filter((path) => path !== undefined);
  for (const path of paths) watchFile(path, { interval: WATCH_INTERVAL_MS, persistent: false }, reload);
  return () => {
    for (const path of paths) unwatchFile(path, reload);
  };
}

/** Returns a function that says whether a client may connect, and logs who may not. */
function createIdentityCheck(
  allowed: readonly string[] | undefined,
  log: TransportLogger | undefined,
): (socket: TLSSocket) => boolean {
  if (allowed === undefined) return () => true;
  let loggedAt = Number.NEGATIVE_INFINITY;
  return (socket) => {
    const identity = readClientIdentity(socket.getPeerCertificate());
    if (isAllowedIdentity(allowed, identity)) return true;
    const now = performance.now();
    if (now - loggedAt >= REFUSAL_LOG_INTERVAL_MS) {
      loggedAt = now;
      log?.warn({ peer: socket.remoteAddress, ...identity }, 'refused a client whose certificate is of the client CA');
    }
    return false;
  };
}

/**
 * Applies changed files. A certificate that is replaced before its key does not fit it. That is logged, and the change
 * of the key then applies both.
 */
function applyContext(
  server: Server,
  context: TlsContext,
  onCertificate: TlsSettings['onCertificate'],
  log: TransportLogger | undefined,
): void {
  try {
    server.setSecureContext(context);
    onCertificate?.(findExpiry(context.cert));
  } catch (error) {
    log?.warn({ err: error }, 'TLS reload failed: the files are invalid or do not match; keeping the last ones');
  }
}

async function readContext({ certFile, keyFile, clientCaFile }: TlsSettings): Promise<TlsContext> {
  const [cert, key, ca] = await Promise.all([
    readFile(certFile),
    readFile(keyFile),
    clientCaFile === undefined ? undefined : readFile(clientCaFile),
  ]);
  // HTTP/2 forbids renegotiation (RFC 9113, section 9.2.1), and nothing would limit how often a client asks for it.
  const secureOptions = constants.SSL_OP_NO_RENEGOTIATION;
  return { cert, key, secureOptions, ...(ca !== undefined && { ca }) };
}
