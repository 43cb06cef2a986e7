import { ConnectionError, ErrorCode } from '../connection-error.ts';
import { MAX_FRAME_SIZE, MAX_WINDOW_SIZE, Setting } from './protocol-constants.ts';
import { readUint8, readUint32 } from './read-uint.ts';

/** Bytes of one identifier with its value. */
const SETTING_LENGTH = 6;
const MAX_MAX_FRAME_SIZE = 2 ** 24 - 1;

/**
 * Reads SETTINGS_INITIAL_WINDOW_SIZE from the payload of a SETTINGS frame. undefined: the payload does not contain it,
 * so the size stays as it is. If the payload contains it several times, the last one counts, so a frame full of them
 * costs no more than one. The other settings are only validated: they govern what this server never does (push, a
 * dynamic table for encoding, longer frames). Throws a ConnectionError when a setting is invalid.
 */
export function readInitialWindowSize(bytes: Uint8Array, start: number, end: number): number | undefined {
  if ((end - start) % SETTING_LENGTH !== 0)
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'SETTINGS: payload length must be a multiple of 6');
  let initialWindowSize: number | undefined;
  for (let offset = start; offset < end; offset += SETTING_LENGTH) {
    const id = readUint8(bytes, offset) * 0x100 + readUint8(bytes, offset + 1);
    const value = readUint32(bytes, offset + 2);
    if (id === Setting.ENABLE_PUSH && value > 1)
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `SETTINGS_ENABLE_PUSH: must be 0 or 1 (got ${value})`);
    if (id === Setting.MAX_FRAME_SIZE && (value < MAX_FRAME_SIZE || value > MAX_MAX_FRAME_SIZE))
      throw new ConnectionError(
        ErrorCode.PROTOCOL_ERROR,
        `SETTINGS_MAX_FRAME_SIZE: must be 2^14 to 2^24-1 (got ${value})`,
      );
    if (id !== Setting.INITIAL_WINDOW_SIZE) continue;
    if (value > MAX_WINDOW_SIZE)
      throw new ConnectionError(
        ErrorCode.FLOW_CONTROL_ERROR,
        `SETTINGS_INITIAL_WINDOW_SIZE: must be at most 2^31-1 (got ${value})`,
      );
    initialWindowSize = value;
  }
  return initialWindowSize;
}
