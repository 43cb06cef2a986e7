import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MessageCache } from './message-cache.ts';

function encode(text: string): Uint8Array {
  return Buffer.from(text);
}

/** Uses the cache as its callers do: offers the value after a miss. */
function getOrOffer<Value>(cache: MessageCache<Value>, message: Uint8Array, value: Value): Value {
  const cached = cache.get(message);
  if (cached === undefined) cache.offer(message, value);
  return cached ?? value;
}

it('caches the value of a message that comes the second time', () => {
  const cache = new MessageCache<number>();
  const message = encode('a');
  expect([1, 2, 3, 4].map((value) => getOrOffer(cache, message, value))).toEqual([1, 2, 2, 2]);
});

it('never confuses two messages, however many come', () => {
  const cache = new MessageCache<string>();
  const message = fc.oneof(fc.string({ maxLength: 2 }), fc.string({ minLength: 250, maxLength: 260 }));
  const property = fc.property(fc.array(message, { minLength: 100, maxLength: 400 }), (texts) => {
    for (const text of [...texts, ...texts, ...texts]) expect(getOrOffer(cache, encode(text), text)).toBe(text);
  });
  fc.assert(property, { numRuns: 100 });
});

it('caches nearly all of two thousand messages that come in turn', () => {
  const cache = new MessageCache<number>();
  const messages = Array.from({ length: 2000 }, (_, index) => encode(`tenant${index}`));
  for (let round = 0; round < 4; round++) {
    for (const [index, message] of messages.entries()) getOrOffer(cache, message, index);
  }
  expect(messages.filter((message) => cache.get(message) !== undefined).length).toBeGreaterThan(1600);
});

it('keeps messages in use although others without a slot come as often, and replaces them once they are not', () => {
  const cache = new MessageCache<number>();
  const messages = Array.from({ length: 20_000 }, (_, index) => encode(`tenant${index}`));
  let replaced = 0;
  for (let round = 0; round < 20; round++) {
    for (const [index, message] of messages.slice(0, 3900).entries()) {
      if (cache.get(message) === undefined && cache.offer(message, index) && round > 3) replaced++;
    }
  }
  expect(replaced).toBeLessThan(0.01 * 16 * 3900);
  for (let round = 0; round < 100; round++) {
    for (const message of messages.slice(-100)) getOrOffer(cache, message, round);
  }
  expect(messages.slice(-100).filter((message) => cache.get(message) !== undefined).length).toBeGreaterThan(90);
});

it('does not cache messages of more than 256 bytes', () => {
  const cache = new MessageCache<number>();
  const [longest, longer] = [new Uint8Array(256), new Uint8Array(257)];
  expect([1, 2, 3].map((value) => getOrOffer(cache, longest, value))).toEqual([1, 2, 2]);
  expect([1, 2, 3].map((value) => getOrOffer(cache, longer, value))).toEqual([1, 2, 3]);
});

it('forgets all values when it is cleared, and caches new ones', () => {
  const cache = new MessageCache<number>();
  const message = encode('a');
  for (const value of [1, 2, 3]) getOrOffer(cache, message, value);
  cache.clear();
  expect([4, 5, 6].map((value) => getOrOffer(cache, message, value))).toEqual([4, 4, 4]);
});
