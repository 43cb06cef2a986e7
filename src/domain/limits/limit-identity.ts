import type { CountedLimit } from './limit.ts';
import { parseLimit } from './parse-limit.ts';

/** What of a limit its identity does not tell, and giving back to its counters needs. */
export interface LimitRest {
  readonly requests: number;
  /** Of a token bucket. */
  readonly burst: number | undefined;
  readonly blockForSeconds: number | undefined;
}

const ALGORITHMS: Readonly<Record<string, string>> = {
  s: 'sliding_window',
  f: 'fixed_window',
  t: 'token_bucket',
  c: 'calendar',
  n: 'concurrency',
};
/** `name/` algorithm, window, and of a calendar perhaps `@zone` and `#day` (CountedLimit.identity). */
const IDENTITY = /^([a-z0-9_-]{1,63})\/([sftcn])([0-9a-z]{1,12})(?:@([A-Za-z0-9_+/-]{1,64}))?(?:#(\d{1,2}))?$/;

/** The limit of an identity; undefined where there can be none. */
export function parseLimitIdentity(identity: string, rest: LimitRest): CountedLimit | undefined {
  const [, name, letter = '', window = '', timeZone, anchorDay] = IDENTITY.exec(identity) ?? [];
  const { requests, burst, blockForSeconds } = rest;
  const algorithm = ALGORITHMS[letter];
  if (name === undefined || algorithm === undefined) return undefined;
  const limit = parseLimit(
    {
      name,
      requests,
      window: algorithm === 'calendar' ? window : `${window}s`,
      algorithm,
      burst,
      timeZone,
      anchorDay: anchorDay === undefined ? undefined : Number(anchorDay),
      blockFor: blockForSeconds === undefined ? undefined : `${blockForSeconds}s`,
    },
    0,
  );
  return 'identity' in limit && limit.identity === identity ? limit : undefined;
}
