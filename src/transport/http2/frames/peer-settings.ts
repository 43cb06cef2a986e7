import { byteAt, uint32At } from './read-uint.ts';
import { ConnectionError, ErrorCode, MAX_FRAME_LENGTH, MAX_WINDOW, Setting } from './protocol-constants.ts';

const SETTING_LENGTH = 6;
const LARGEST_MAX_FRAME_SIZE = 2 ** 24 - 1;

/**
 * The initial stream window that a SETTINGS payload asks for; undefined: unchanged. Of several the last counts, so that
 * a frame full of them costs no more than one. The other settings are only checked: they bind what this server never
 * does (push, a dynamic table, longer frames).
 */
export function readInitialWindow(bytes: Uint8Array, start: number, end: number): number | undefined {
  if ((end - start) % SETTING_LENGTH !== 0) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'SETTINGS length');
  let initialWindow: number | undefined;
  for (let at = start; at < end; at += SETTING_LENGTH) {
    const id = byteAt(bytes, at) * 0x100 + byteAt(bytes, at + 1);
    const value = uint32At(bytes, at + 2);
    if (id === Setting.ENABLE_PUSH && value > 1)
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'SETTINGS_ENABLE_PUSH: expected 0 or 1');
    if (id === Setting.MAX_FRAME_SIZE && (value < MAX_FRAME_LENGTH || value > LARGEST_MAX_FRAME_SIZE))
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'SETTINGS_MAX_FRAME_SIZE: expected 2^14 to 2^24-1');
    if (id !== Setting.INITIAL_WINDOW_SIZE) continue;
    if (value > MAX_WINDOW)
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'SETTINGS_INITIAL_WINDOW_SIZE: expected at most 2^31-1');
    initialWindow = value;
  }
  return initialWindow;
}
