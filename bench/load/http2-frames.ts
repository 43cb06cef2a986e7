export const FRAME_HEADER_BYTES = 9;
export const FrameType = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8 };
export const FrameFlag = { ACK: 1, END_STREAM: 1, END_HEADERS: 4 };

/** First bytes of a client's connection (RFC 9113, section 3.4). */
export const CONNECTION_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Encodes an HTTP/2 frame (RFC 9113, section 4.1). */
export function encodeFrame(type: number, flags: number, payload: Uint8Array, stream = 0): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}
