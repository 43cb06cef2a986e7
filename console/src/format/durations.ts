const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** Formats seconds by their two largest units, such as `2 h 5 min`; `0 s` for less than one. */
export function formatSeconds(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.floor(seconds);
  for (const [unit, length] of UNITS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0 s';
}

/** Reads a Duration in Protobuf's JSON form, such as `"3.5s"`, in seconds. undefined: it is not set. */
export function parseSeconds(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : Number(duration.replace(/s$/, ''));
}
