import { InvalidRequest } from '../wire/decode-message.ts';
import { MAX_DESCRIPTORS, MAX_ENTRIES } from './rate-limit-request.ts';

/** Characters of a domain, a key or a value. The longest are receipts. */
const MAX_TEXT_LENGTH = 32_768;

/**
 * Throws InvalidRequest, naming the field, for parsed JSON with more descriptors, entries or text than any
 * RateLimitRequest may have. Run this before the conversion to protobuf, which takes up to a second for 1 MB of empty
 * objects. Ignores what has the wrong type: the conversion rejects it at once.
 */
export function checkJsonSize(request: unknown): void {
  checkText('domain', member(request, 'domain'));
  const descriptors = checkList('descriptors', member(request, 'descriptors'), MAX_DESCRIPTORS);
  for (const [index, descriptor] of descriptors.entries()) {
    const field = `descriptors[${index}].entries`;
    for (const [position, entry] of checkList(field, member(descriptor, 'entries'), MAX_ENTRIES).entries()) {
      checkText(`${field}[${position}].key`, member(entry, 'key'));
      checkText(`${field}[${position}].value`, member(entry, 'value'));
    }
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function checkList(field: string, value: unknown, maxItems: number): readonly unknown[] {
  if (!Array.isArray(value)) return [];
  if (value.length > maxItems) {
    throw new InvalidRequest(`${field}: must have at most ${maxItems} items (got ${value.length})`);
  }
  return value;
}

function checkText(field: string, value: unknown): void {
  if (typeof value !== 'string' || value.length <= MAX_TEXT_LENGTH) return;
  throw new InvalidRequest(`${field}: must have at most ${MAX_TEXT_LENGTH} characters (got ${value.length})`);
}
