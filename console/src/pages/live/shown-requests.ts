/** Which requests of the log to show, by values of a URL, and what people read. */
export const SHOWN_REQUESTS = [
  ['', 'Refused by Weir'],
  ['errors', 'Status 400 and above'],
  ['all', 'All requests'],
] as const;

type Shown = (typeof SHOWN_REQUESTS)[number][0];

const CONDITIONS: Readonly<Record<Shown, string>> = { '': 'code != ""', errors: 'status >= 400', all: '' };

/** Reads a value of a URL. Requests that Weir refused, unless it is a known one. */
export function readShown(value: string): Shown {
  return SHOWN_REQUESTS.find(([known]) => known === value)?.[0] ?? '';
}

/** Writes the condition of ListRequestLogs. Empty: all requests. */
export function writeShownCondition(shown: Shown): string {
  return CONDITIONS[shown];
}
