/** A caller's span, as the header `traceparent` names it (https://www.w3.org/TR/trace-context/). */
export interface RemoteSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

/** The whole value of version 00. Later versions may add fields at the end, and never use version ff. */
const TRACEPARENT =
  /^(?!ff)(?<version>[0-9a-f]{2})-(?!0{32})(?<traceId>[0-9a-f]{32})-(?!0{16})(?<spanId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<rest>-.*)?$/;
/** Where the last digit of the flags is. An odd one has the flag `sampled`. */
const FLAGS_END = 54;
const ODD_DIGITS = '13579bdf';

/** Parses a header `traceparent`. undefined: it is malformed, which counts as absent. */
export function parseTraceparent(header: string): RemoteSpan | undefined {
  const { version, traceId, spanId, flags, rest } = TRACEPARENT.exec(header)?.groups ?? {};
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === '00' && rest !== undefined) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

/** Whether a well-formed header says that the caller's span is sampled. Costs far less than to parse it. */
export function isSampled(header: string): boolean {
  return header.length > FLAGS_END && ODD_DIGITS.includes(header.charAt(FLAGS_END));
}
