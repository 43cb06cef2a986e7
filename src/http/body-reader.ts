import type { IncomingMessage } from 'node:http';
import { clientNetwork } from '../domain/credentials/client-network.ts';
import { RefusedRequest } from './refused-request.ts';

export interface BodyBounds {
  /** Bytes of one body. */
  readonly maxBodyBytes: number;
  /** Bytes of all bodies that have not arrived completely. */
  readonly maxBytes: number;
  /** Those of one client: an IPv4 address or an IPv6 network of 64 bits. */
  readonly maxBytesPerNetwork: number;
  /** Time in ms in which a body must have arrived. */
  readonly deadlineMs: number;
}

/** A body that has not arrived completely. */
interface UnfinishedBody {
  readonly network: string;
  readonly chunks: Buffer[];
  bytes: number;
  readonly refuse: (refusal: RefusedRequest) => void;
}

/**
 * Reads the bodies of requests within bounds. A slow body holds only the bytes that have arrived. Where too many have,
 * the body that began first makes room: one that is sent at once is never the oldest for long, so slow ones cannot shut
 * it out.
 */
export class BodyReader {
  readonly #bounds: BodyBounds;
  /** The oldest first. */
  readonly #unfinished = new Set<UnfinishedBody>();
  readonly #bytesByNetwork = new Map<string, number>();
  #bytes = 0;

  constructor(bounds: BodyBounds) {
    this.#bounds = bounds;
  }

  /**
   * Resolves with a body when it has arrived. Rejects with RefusedRequest if it is too large, too slow, or makes room; its
   * rest then stays unread. Rejects with another error if the caller disconnects. `maxBodyBytes` replaces that of the bounds.
   */
  async read(request: IncomingMessage, maxBodyBytes = this.#bounds.maxBodyBytes): Promise<Buffer> {
    const { deadlineMs } = this.#bounds;
    const tooLarge = new RefusedRequest(413, 'too_large', `body: must be at most ${maxBodyBytes} bytes (got more)`);
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge;
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const network = clientNetwork(request.socket.remoteAddress ?? '');
    const body: UnfinishedBody = { network, chunks: [], bytes: 0, refuse: reject };
    const timeout = setTimeout(() => {
      reject(new RefusedRequest(408, 'timeout', `body: must arrive within ${deadlineMs / 1000} seconds`));
    }, deadlineMs);
    const onData = (chunk: Buffer): void => {
      if (body.bytes + chunk.length > maxBodyBytes) reject(tooLarge);
      else this.#add(body, chunk);
    };
    this.#unfinished.add(body);
    request.on('data', onData);
    request.once('end', () => resolve(Buffer.concat(body.chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the caller has disconnected')));
    try {
      return await promise;
    } finally {
      clearTimeout(timeout);
      request.off('data', onData);
      this.#remove(body);
    }
  }

  #add(body: UnfinishedBody, chunk: Buffer): void {
    if (!this.#unfinished.has(body)) return; // it has just made room
    body.chunks.push(chunk);
    this.#count(body, chunk.length);
    const { maxBytes, maxBytesPerNetwork } = this.#bounds;
    while ((this.#bytesByNetwork.get(body.network) ?? 0) > maxBytesPerNetwork) this.#makeRoom(body.network);
    while (this.#bytes > maxBytes) this.#makeRoom();
  }

  #count(body: UnfinishedBody, bytes: number): void {
    body.bytes += bytes;
    this.#bytes += bytes;
    const ofNetwork = (this.#bytesByNetwork.get(body.network) ?? 0) + bytes;
    if (ofNetwork > 0) this.#bytesByNetwork.set(body.network, ofNetwork);
    else this.#bytesByNetwork.delete(body.network);
  }

  /** Refuses the oldest body, or the oldest one of a network. */
  #makeRoom(network?: string): void {
    for (const body of this.#unfinished) {
      if (body.bytes === 0 || (network !== undefined && body.network !== network)) continue;
      this.#remove(body);
      body.refuse(new RefusedRequest(503, 'busy', 'too many requests arrive at once; retry'));
      return;
    }
  }

  #remove(body: UnfinishedBody): void {
    if (!this.#unfinished.delete(body)) return;
    body.chunks.length = 0;
    this.#count(body, -body.bytes);
  }
}
