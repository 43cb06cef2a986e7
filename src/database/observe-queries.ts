import type { Pool } from 'pg';
import { currentSpan } from '../interfaces/current-span.ts';
import type { Span } from '../interfaces/tracing.ts';
import { hideValues } from './hide-values.ts';
import { interceptQueries } from './intercept-queries.ts';

/** Listeners to the statements of a pool. */
export interface QueryListeners {
  /** Called when a statement has ended, with the time in ms since it was sent. */
  readonly onQuery?: ((ms: number) => void) | undefined;
  /** Whether statements are added to the spans of traced calls. undefined: false. */
  readonly isTraced?: boolean | undefined;
}

/** Reports the statements of a pool to the listeners, and adds those of traced calls to their spans, without values. */
export function observeQueries(pool: Pick<Pool, 'on'>, { onQuery, isTraced = false }: QueryListeners): void {
  interceptQueries(pool, (query) => (statement, ...rest) => {
    const span = isTraced ? currentSpan() : undefined;
    const result = query(statement, ...rest);
    if (typeof statement !== 'string' || !(result instanceof Promise)) return result;
    const startedAt = performance.now();
    const end = (error?: string) => {
      const endedAt = performance.now();
      onQuery?.(endedAt - startedAt);
      if (span !== undefined) addToSpan(span, { statement, startedAt, endedAt, error });
    };
    result.then(
      () => end(),
      (error: unknown) => end(describeFailure(error)),
    );
    return result;
  });
}

interface EndedQuery {
  readonly statement: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly error: string | undefined;
}

function addToSpan(span: Span, { statement, startedAt, endedAt, error }: EndedQuery): void {
  const text = hideValues(statement);
  const [operation = ''] = /^\w+/.exec(text) ?? [];
  span.addRequest({
    name: `postgresql ${operation.toLowerCase()}`,
    startedAt,
    endedAt,
    attributes: { 'db.system.name': 'postgresql', 'db.operation.name': operation, 'db.query.text': text },
    error,
  });
}

/** Messages of Postgres repeat values, its codes do not. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
