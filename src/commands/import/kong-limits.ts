import type { InputMapping } from './import-result.ts';

/** A limit, with the fields of the admin API and of rules files alike. */
export interface KongLimit {
  readonly name: string;
  readonly requests: number;
  readonly window: string;
  readonly algorithm?: 'calendar' | 'fixed_window';
}

/** The periods of `rate-limiting`. Kong's windows are those of the calendar, in UTC. */
const PERIODS: Readonly<Record<string, Pick<KongLimit, 'window' | 'algorithm'>>> = {
  second: { window: '1s' },
  minute: { window: '1m' },
  hour: { window: '1h' },
  day: { window: '1d', algorithm: 'calendar' },
  month: { window: '1mo', algorithm: 'calendar' },
  year: { window: '1y', algorithm: 'calendar' },
};

/** Settings of where Kong counts, and of its answers. Weir decides these for all limits. */
const READ_FIELDS = ['limit_by', ...Object.keys(PERIODS), 'limit', 'window_size', 'window_type', 'identifier'];
const SERVER_FIELDS =
  /^(?:policy|fault_tolerant|redis|redis_.*|hide_client_headers|sync_rate|strategy|namespace|dictionary_name)$/;

/** Reads the limits of a plugin `rate-limiting` or `rate-limiting-advanced`. */
export function readKongLimits(config: InputMapping, path: string, notes: string[]): readonly KongLimit[] {
  for (const [name, value] of Object.entries(config)) {
    if (value === null || READ_FIELDS.includes(name) || SERVER_FIELDS.test(name)) continue;
    notes.push(`${path}.config.${name}: is not carried over`);
  }
  const limits = Object.entries(PERIODS).flatMap(([name, period]): readonly KongLimit[] => {
    const requests = config[name];
    return typeof requests === 'number' ? [{ name, requests, ...period }] : [];
  });
  return [...limits, ...readAdvancedLimits(config, path, notes)];
}

/** `limit` and `window_size` are lists, whose items belong together. */
function readAdvancedLimits(config: InputMapping, path: string, notes: string[]): readonly KongLimit[] {
  const { limit, window_size: sizes, window_type: type } = config;
  if (limit === undefined || limit === null) return [];
  if (!Array.isArray(limit) || !Array.isArray(sizes) || limit.length !== sizes.length) {
    notes.push(`${path}.config.limit: must be a list as long as window_size; it is not carried over`);
    return [];
  }
  return limit.map((requests, index) => ({
    name: `${sizes[index]}s`,
    requests: Number(requests),
    window: `${sizes[index]}s`,
    ...(type === 'fixed' && { algorithm: 'fixed_window' as const }),
  }));
}

/** By what a plugin counts: `consumer` unless it says otherwise. */
export function readLimitBy({ limit_by: limitBy, identifier }: InputMapping): unknown {
  return limitBy ?? identifier ?? 'consumer';
}
