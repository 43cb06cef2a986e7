import type { Socket } from 'node:net';

/** A client that sends more before the handshake loses its connection. Usual ClientHellos have 300 to 2,000 bytes. */
const MAX_HELLO_BYTES = 16 * 1024;
const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_HEADER_BYTES = 4;
const CONTENT_TYPE_HANDSHAKE = 22;
const HANDSHAKE_TYPE_CLIENT_HELLO = 1;

/** `partial`: more bytes must arrive. `invalid`: these bytes do not begin a TLS connection. */
export type ClientHelloState = 'partial' | 'complete' | 'invalid';

/**
 * Finds out whether the first bytes of a connection contain a whole ClientHello (RFC 8446, sections 4 and 5.1). It may be
 * split into several records.
 */
export function inspectClientHello(bytes: Buffer): ClientHelloState {
  /** Bytes of the message in the records so far, without the headers of the records. */
  let messageBytes = 0;
  let header = Buffer.alloc(0);
  for (let index = 0; index < bytes.length; ) {
    if (bytes[index] !== CONTENT_TYPE_HANDSHAKE) return 'invalid';
    if (bytes.length < index + RECORD_HEADER_BYTES) return 'partial';
    const fragmentStart = index + RECORD_HEADER_BYTES;
    const fragmentEnd = fragmentStart + bytes.readUInt16BE(fragmentStart - 2);
    // A record without content would let a client send records forever without a message.
    if (fragmentEnd === fragmentStart) return 'invalid';
    const fragment = bytes.subarray(fragmentStart, fragmentEnd);
    if (header.length < HANDSHAKE_HEADER_BYTES)
      header = Buffer.concat([header, fragment.subarray(0, HANDSHAKE_HEADER_BYTES - header.length)]);
    if (header.length > 0 && header[0] !== HANDSHAKE_TYPE_CLIENT_HELLO) return 'invalid';
    messageBytes += fragment.length;
    if (header.length === HANDSHAKE_HEADER_BYTES && messageBytes >= HANDSHAKE_HEADER_BYTES + header.readUIntBE(1, 3))
      return 'complete';
    index = fragmentEnd;
  }
  return 'partial';
}

/**
 * Reads the ClientHello of a new connection, and calls `onComplete` once when it is complete. Closes the connection if the
 * client sends something else.
 */
export class ClientHelloReader {
  readonly #socket: Socket;
  readonly #onComplete: () => void;
  #bytes = Buffer.alloc(0);
  #isComplete = false;

  constructor(socket: Socket, onComplete: () => void) {
    this.#socket = socket;
    this.#onComplete = onComplete;
    socket.on('readable', this.#read);
  }

  /** Ends reading. The next reader of the socket gets all bytes, those of the ClientHello included. */
  release(): void {
    this.#socket.off('readable', this.#read);
    this.#socket.unshift(this.#bytes);
  }

  readonly #read = (): void => {
    const bytes: Buffer | null = this.#socket.read();
    if (bytes === null) return;
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const state = this.#isComplete ? 'complete' : inspectClientHello(this.#bytes);
    if (state === 'invalid' || this.#bytes.length > MAX_HELLO_BYTES) this.#socket.destroy();
    else if (state === 'complete' && !this.#isComplete) {
      this.#isComplete = true;
      this.#onComplete();
    }
  };
}
