import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MessageCache } from './message-cache.ts';

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text);
}

/** As whoever asks does. */
function ask<Value>(known: MessageCache<Value>, message: Uint8Array, value: Value): Value {
  const found = known.of(message);
  if (found === undefined) known.offer(message, value);
  return found ?? value;
}

it('knows a message from the third time on, whose value was kept at the second', () => {
  const known = new MessageCache<number>();
  const message = bytesOf('a');
  expect([1, 2, 3, 4].map((value) => ask(known, message, value))).toEqual([1, 2, 2, 2]);
});

it('never takes a message for another, however many come', () => {
  const known = new MessageCache<string>();
  const message = fc.oneof(fc.string({ maxLength: 2 }), fc.string({ minLength: 250, maxLength: 260 }));
  const property = fc.property(fc.array(message, { minLength: 100, maxLength: 400 }), (texts) => {
    for (const text of [...texts, ...texts, ...texts]) expect(ask(known, bytesOf(text), text)).toBe(text);
  });
  fc.assert(property, { numRuns: 100 });
});

it('knows nearly all of two thousand that come in turn', () => {
  const known = new MessageCache<number>();
  const messages = Array.from({ length: 2000 }, (_, place) => bytesOf(`tenant${place}`));
  for (let round = 0; round < 4; round++) for (const [place, message] of messages.entries()) ask(known, message, place);
  expect(messages.filter((message) => known.of(message) !== undefined).length).toBeGreaterThan(1600);
});

it('keeps those that are asked for, though others for which there is no place come as often', () => {
  const known = new MessageCache<number>();
  const messages = Array.from({ length: 20_000 }, (_, place) => bytesOf(`tenant${place}`));
  let kept = 0;
  for (let round = 0; round < 20; round++) {
    for (const [place, message] of messages.slice(0, 3900).entries()) {
      if (known.of(message) === undefined && known.offer(message, place) && round > 3) kept++;
    }
  }
  expect(kept).toBeLessThan(0.01 * 16 * 3900);
  for (let round = 0; round < 100; round++) for (const message of messages.slice(-100)) ask(known, message, round);
  expect(messages.slice(-100).filter((message) => known.of(message) !== undefined).length).toBeGreaterThan(90);
});

it('keeps none that is longer than 256 bytes', () => {
  const known = new MessageCache<number>();
  const [longest, longer] = [new Uint8Array(256), new Uint8Array(257)];
  expect([1, 2, 3].map((value) => ask(known, longest, value))).toEqual([1, 2, 2]);
  expect([1, 2, 3].map((value) => ask(known, longer, value))).toEqual([1, 2, 3]);
});

it('knows nothing any more once it is cleared, and learns anew', () => {
  const known = new MessageCache<number>();
  const message = bytesOf('a');
  for (const value of [1, 2, 3]) ask(known, message, value);
  known.clear();
  expect([4, 5, 6].map((value) => ask(known, message, value))).toEqual([4, 4, 4]);
});
