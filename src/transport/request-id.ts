const MAX_REQUEST_ID_LENGTH = 128;

/** Returns the id in the values of the header x-request-id. undefined: it is missing or too long for a log line. */
export function findRequestId([value]: readonly unknown[]): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MAX_REQUEST_ID_LENGTH ? value : undefined;
}
