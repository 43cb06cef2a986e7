import type { CountedLimit } from './limit.ts';
import { unescapeLimitName } from './limit-name.ts';
import { parseLimit } from './parse-limit.ts';

/** The parameters of a limit that its identity does not contain, and that refunding to its counters needs. */
export interface LimitParameters {
  readonly requests: number;
  /** undefined: the limit is not a token bucket. */
  readonly burst: number | undefined;
  readonly blockForSeconds: number | undefined;
}

/** By the letter in `CountedLimit.identity`. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  s: 'sliding_window',
  f: 'fixed_window',
  t: 'token_bucket',
  c: 'calendar',
  n: 'concurrency',
  b: 'credits',
};
/**
 * Escaped name, `/`, letter of the algorithm, window except for credits, and for calendars an optional `@zone` and
 * `#day`.
 */
const IDENTITY = /^([\w.!~*'()%-]+)\/([sftcnb])([0-9a-z]{0,12})(?:@([A-Za-z0-9_+/-]{1,64}))?(?:#(\d{1,2}))?$/;

/** Rebuilds a limit from its identity; undefined: no limit can have this identity. */
export function parseLimitIdentity(identity: string, parameters: LimitParameters): CountedLimit | undefined {
  const [, escapedName = '', letter = '', window = '', timeZone, anchorDay] = IDENTITY.exec(identity) ?? [];
  const { requests, burst, blockForSeconds } = parameters;
  const algorithm = ALGORITHMS[letter];
  const name = unescapeLimitName(escapedName);
  if (name === undefined || algorithm === undefined) return undefined;
  const limit = parseLimit(
    {
      name,
      requests,
      window: algorithm === 'calendar' || window === '' ? window : `${window}s`,
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
