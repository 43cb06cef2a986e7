import { joinConditions, quoteFilterValue, writeAccountName } from '../../format/resource-names.ts';

/** Filters of the page, by their names in its URL. */
export const KEY_FILTERS = ['name', 'hint', 'account', 'plan', 'state', 'used', 'deleted'] as const;

export type KeyFilters = Readonly<Record<(typeof KEY_FILTERS)[number], string>>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** `wk_live_` or another prefix, and more characters than a hint shows. */
const WHOLE_KEY = /^\S{24,}$/;
const HINT_END_LENGTH = 4;

/** Shortens a key that was pasted as a whole to its last characters, because the URL must not contain it. */
export function shortenKey(typed: string): string {
  const text = typed.trim();
  return WHOLE_KEY.test(text) && !text.includes('…') ? text.slice(-HINT_END_LENGTH) : text;
}

/** Writes the filter of ListApiKeys. `now` is a Unix time in ms. The same filters give the same text for an hour. */
export function writeKeyFilter({ name, hint, account, plan, state, used }: KeyFilters, now: number): string {
  const hour = Math.floor(now / HOUR_MS) * HOUR_MS;
  const writeTime = (time: number) => `"${new Date(time).toISOString()}"`;
  const states: Readonly<Record<string, string>> = {
    enabled: 'disabled = false',
    disabled: 'disabled = true',
    expired: `expire_time < ${writeTime(hour + HOUR_MS)}`,
    expiring: `expire_time >= ${writeTime(hour)} AND expire_time < ${writeTime(hour + 30 * DAY_MS)}`,
  };
  const uses: Readonly<Record<string, string>> = {
    never: 'last_used_time = ""',
    recently: `last_used_time >= ${writeTime(hour - DAY_MS)}`,
    unused: `last_used_time < ${writeTime(hour - 90 * DAY_MS)}`,
  };
  return joinConditions([
    name.trim() === '' ? '' : `display_name : ${quoteFilterValue(name.trim())}`,
    hint === '' ? '' : `hint : ${quoteFilterValue(hint)}`,
    account === '' ? '' : `account = ${quoteFilterValue(writeAccountName(account))}`,
    plan === '' ? '' : `plan = ${quoteFilterValue(plan)}`,
    states[state] ?? '',
    uses[used] ?? '',
  ]);
}
