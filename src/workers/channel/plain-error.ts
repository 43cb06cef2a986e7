import { ApiError, type ApiErrorReason } from '../../domain/api-error.ts';
import { InvalidRules } from '../../rules/load/load-rules.ts';
import type { RulesFault } from '../../rules/yaml/rules-fault.ts';

/** An error in the form in which it crosses a channel: structured clones of errors lose their class and their code. */
export type PlainError =
  | { readonly kind: 'api'; readonly reason: ApiErrorReason }
  | { readonly kind: 'rules'; readonly faults: readonly RulesFault[] }
  | {
      readonly kind: 'other';
      readonly name: string;
      readonly message: string;
      readonly code: string | undefined;
      readonly stack: string | undefined;
      readonly cause: PlainError | undefined;
    };

/** Longest chain of causes that is kept. */
const MAX_CAUSE_DEPTH = 5;

export function toPlainError(error: unknown, depth = 0): PlainError {
  if (error instanceof ApiError) return { kind: 'api', reason: error.reason };
  if (error instanceof InvalidRules) return { kind: 'rules', faults: error.faults };
  const { name, message, stack, cause } = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const hasCause = cause !== undefined && depth < MAX_CAUSE_DEPTH;
  return { kind: 'other', name, message, code, stack, cause: hasCause ? toPlainError(cause, depth + 1) : undefined };
}

export function fromPlainError(plain: PlainError): Error {
  if (plain.kind === 'api') return new ApiError(plain.reason);
  if (plain.kind === 'rules') return new InvalidRules(plain.faults);
  const { name, message, code, stack, cause } = plain;
  const error = new Error(message, cause === undefined ? {} : { cause: fromPlainError(cause) });
  return Object.assign(error, { name, stack }, code === undefined ? {} : { code });
}
