import { z } from 'zod';
import { address, retention } from '../formats.ts';

export const requestLogVariables = {
  REQUEST_LOG: z.enum(['on', 'off'], 'must be on or off').default('off'),
  REQUEST_LOG_ADDRESS: address.prefault('127.0.0.1:8083'),
  REQUEST_LOG_RETENTION: retention.prefault('30d'),
};

type RequestLogVariables = z.infer<z.ZodObject<typeof requestLogVariables>>;

/** The log of the requests that Envoy has answered. */
export interface RequestLogConfig {
  /** Whether this node takes Envoy's access log. */
  readonly isOn: boolean;
  readonly address: RequestLogVariables['REQUEST_LOG_ADDRESS'];
  /** Requests are kept at least this long. */
  readonly retentionSeconds: number;
}

export function readRequestLogConfig(env: RequestLogVariables): RequestLogConfig {
  return {
    isOn: env.REQUEST_LOG === 'on',
    address: env.REQUEST_LOG_ADDRESS,
    retentionSeconds: env.REQUEST_LOG_RETENTION,
  };
}

/** Finds a request log that nobody could write. */
export function findRequestLogConflicts(values: Readonly<Record<string, string | undefined>>): readonly string[] {
  return values.WEIR_ROLE === 'decision' && values.REQUEST_LOG === 'on'
    ? ['REQUEST_LOG: must be off in the role decision, whose nodes do not write the database (got "on")']
    : [];
}
