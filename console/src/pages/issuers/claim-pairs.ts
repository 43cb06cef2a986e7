import { readLines } from '../../format/lines.ts';

/** Reads claims with their values from lines such as `token_use = access`. A line without `=` has an empty value. */
export function readClaimPairs(text: string): Record<string, string> {
  return Object.fromEntries(
    readLines(text).map((line) => {
      const end = line.indexOf('=');
      return end === -1 ? [line, ''] : [line.slice(0, end).trim(), line.slice(end + 1).trim()];
    }),
  );
}

/** Writes claims with their values as lines. */
export function writeClaimPairs(claims: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(claims ?? {})
    .map(([name, value]) => `${name} = ${value}`)
    .join('\n');
}
