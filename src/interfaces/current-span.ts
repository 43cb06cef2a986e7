import { AsyncLocalStorage } from 'node:async_hooks';
import type { Span } from './tracing.ts';

const spans = new AsyncLocalStorage<Span>();

/** Runs the handler of a traced call, so that everything it causes finds its span. */
export function runWithSpan<Result>(span: Span, handle: () => Result): Result {
  return spans.run(span, handle);
}

/** The span of the call in progress; undefined: it is not traced, or Weir runs a job of its own. */
export function currentSpan(): Span | undefined {
  return spans.getStore();
}
