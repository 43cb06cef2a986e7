/** The first bytes that a client sends, before its SETTINGS frame (RFC 9113, section 3.4). */
export const CONNECTION_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Bytes of the header in front of each frame's payload (RFC 9113, section 4.1). */
export const FRAME_HEADER_LENGTH = 9;
/** Bytes of the longest payload that this server accepts: SETTINGS_MAX_FRAME_SIZE keeps its default. */
export const MAX_FRAME_SIZE = 16_384;
/** Bytes of the priority fields: the payload of PRIORITY, or the front of a HEADERS payload with the flag PRIORITY. */
export const PRIORITY_FIELDS_LENGTH = 5;
/** Bytes of the largest flow-control window. */
export const MAX_WINDOW_SIZE = 2 ** 31 - 1;
/** Bytes of a flow-control window before SETTINGS and WINDOW_UPDATE change it. */
export const DEFAULT_WINDOW_SIZE = 65_535;
export const MAX_STREAM_ID = 2 ** 31 - 1;

/** Frame types (RFC 9113, section 6). */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Bits of a frame's flags. ACK is for SETTINGS and PING, END_STREAM for DATA and HEADERS. */
export const Flag = { ACK: 0x1, END_STREAM: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

/** Identifiers of settings (RFC 9113, section 6.5.2). */
export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;
