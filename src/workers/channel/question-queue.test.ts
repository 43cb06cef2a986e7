import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../domain/api-error.ts';
import { toPlainError } from './plain-error.ts';
import { QuestionQueue } from './question-queue.ts';
import type { Question } from './worker-messages.ts';

const BOUNDS = { maxInFlight: 3, timeoutMs: 1_000 };
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
const reasonOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'answered',
    (error: unknown) => (error instanceof ApiError ? error.reason.kind : String(error)),
  );

function open() {
  const messages: (readonly Question[])[] = [];
  const queue = new QuestionQueue((message) => messages.push(message));
  const questions = (): Question[] => messages.flat();
  return { queue, messages, questions };
}

describe('questions to a worker', () => {
  it('leave as one message at the end of a turn, and get their own answers in any order', async () => {
    const property = fc.asyncProperty(fc.array(fc.string(), { minLength: 1, maxLength: 20 }), async (ids) => {
      const { queue, messages, questions } = open();
      const asked = ids.map((id) => queue.ask('findPlan', id, { maxInFlight: 20, timeoutMs: undefined }));
      await nextTurn();
      expect(messages).toHaveLength(1);
      const answers = questions().map(({ id, argument }) => ({ id, result: { id: argument } }));
      queue.receive(answers.toReversed());
      expect(await Promise.all(asked)).toEqual(ids.map((id) => ({ id })));
    });
    await fc.assert(property, { numRuns: 30 });
  });

  it('are rejected at once beyond the number of their kind, and leave room for other kinds', async () => {
    const { queue, questions } = open();
    const asked = Array.from({ length: 3 }, (_, index) => queue.ask('findPlan', String(index), BOUNDS));
    expect(await reasonOf(queue.ask('findPlan', 'more', BOUNDS))).toBe('too_many_calls');
    const other = queue.ask('findAccount', 'other', BOUNDS);
    await nextTurn();
    queue.receive(questions().map(({ id }) => ({ id, result: undefined })));
    await Promise.all([...asked, other]);
    void queue.ask('findPlan', 'again', BOUNDS).catch(() => {});
    await nextTurn();
    expect(questions().at(-1)?.argument).toBe('again');
    queue.abandonAll(new Error('ended'));
  });

  it('are rejected at once beyond 8 MiB in progress', async () => {
    const { queue } = open();
    const bounds = { maxInFlight: 100, timeoutMs: undefined };
    const call = {
      ...{ path: '/a/B', message: new Uint8Array(), timeoutMs: 1 },
      requestId: undefined,
      traceparent: undefined,
    };
    const asked = Array.from({ length: 8 }, () => reasonOf(queue.ask('decide', call, bounds, 1024 * 1024)));
    expect(await reasonOf(queue.ask('decide', call, bounds, 1))).toBe('too_many_calls');
    queue.abandonAll(new ApiError({ kind: 'decisions_unavailable' }));
    expect(await Promise.all(asked)).toEqual(Array(8).fill('decisions_unavailable'));
  });

  it('fail when their time is over, and an answer that comes later is ignored', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { queue, questions } = open();
      const asked = reasonOf(queue.ask('findPlan', 'slow', BOUNDS));
      await nextTurn();
      vi.advanceTimersByTime(BOUNDS.timeoutMs);
      expect(await asked).toBe('decisions_unavailable');
      queue.receive(questions().map(({ id }) => ({ id, result: 'late' })));
    } finally {
      vi.useRealTimers();
    }
  });

  it('fail as the worker fails, and all at once when it ends', async () => {
    const { queue, questions } = open();
    const [failed, abandoned] = ['a', 'b'].map((id) => reasonOf(queue.ask('findPlan', id, BOUNDS)));
    await nextTurn();
    const [first] = questions();
    queue.receive([{ id: first?.id ?? 0, error: toPlainError(new ApiError({ kind: 'counters_unavailable' })) }]);
    expect(await failed).toBe('counters_unavailable');
    queue.abandonAll(new ApiError({ kind: 'decisions_unavailable' }));
    expect(await abandoned).toBe('decisions_unavailable');
  });
});
