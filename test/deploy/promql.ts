import { parser } from '@prometheus-io/lezer-promql';

/** Names in an expression in PromQL, and its faults. */
export interface ExpressionNames {
  /** Names of metrics and of recorded series. */
  readonly metrics: readonly string[];
  /** Texts that do not parse, each with its surroundings. */
  readonly faults: readonly string[];
}

/** Characters around a fault that a message repeats. */
const CONTEXT = 20;

/**
 * Parses an expression with Prometheus' own grammar. Grafana replaces variables before Prometheus sees an expression, so
 * `$__rate_interval` counts as a duration.
 */
export function parseExpression(expression: string): ExpressionNames {
  const text = expression.replaceAll('$__rate_interval', '5m');
  const metrics: string[] = [];
  const faults: string[] = [];
  parser.parse(text).iterate({
    enter: ({ type, name, from, to }) => {
      if (type.isError) faults.push(text.slice(Math.max(0, from - CONTEXT), to + CONTEXT));
      if (name === 'VectorSelector') metrics.push(/^[\w:]+/.exec(text.slice(from, to))?.[0] ?? text.slice(from, to));
    },
  });
  return { metrics, faults };
}
