import { ConnectionError, ErrorCode } from '../connection-error.ts';
import { Flag, PRIORITY_FIELDS_LENGTH } from './protocol-constants.ts';
import { readUint8 } from './read-uint.ts';

/**
 * Finds the content of a DATA or HEADERS payload: without the padding, if PADDED is set, and without the priority
 * fields, if PRIORITY is set. Returns where the content starts and ends. Throws a ConnectionError when the padding is
 * longer than the payload.
 */
export function stripPadding(flags: number, bytes: Buffer, start: number, end: number): [start: number, end: number] {
  let contentStart = start;
  let contentEnd = end;
  if ((flags & Flag.PADDED) !== 0) {
    if (contentStart >= contentEnd)
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'padded frame: must have a pad length');
    contentEnd -= readUint8(bytes, contentStart);
    contentStart += 1;
  }
  if ((flags & Flag.PRIORITY) !== 0) contentStart += PRIORITY_FIELDS_LENGTH;
  if (contentStart > contentEnd)
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'padding: must not be longer than the frame');
  return [contentStart, contentEnd];
}
