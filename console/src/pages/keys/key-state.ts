import type { ApiKeyJson } from '../../generated/weir/admin/v1/api_key_service_pb.js';
import type { Tone } from '../../ui/badges/badge.tsx';

export interface KeyState {
  readonly text: string;
  readonly tone: Tone;
}

/** Whether a key can be used at `now`, a Unix time in ms, and why not. */
export function readKeyState(key: ApiKeyJson, now: number): KeyState {
  if (key.deleteTime !== undefined) return { text: 'deleted', tone: 'neutral' };
  if (key.disabled) return { text: 'disabled', tone: 'bad' };
  if (key.expireTime !== undefined && Date.parse(key.expireTime) <= now) return { text: 'expired', tone: 'bad' };
  return key.successor ? { text: 'rotated', tone: 'warning' } : { text: 'active', tone: 'good' };
}
