import { useState } from 'preact/hooks';
import { ApiError } from './api-error.ts';

export interface Action<A extends readonly unknown[]> {
  /** Runs the action. Does nothing while it is running. Resolves to whether it succeeded. */
  readonly run: (...args: A) => Promise<boolean>;
  readonly isRunning: boolean;
  /** Why the last run failed; undefined: it did not. */
  readonly error: ApiError | undefined;
}

/** A change that somebody causes, such as by a button: shows that it runs, and why it failed. */
export function useAction<A extends readonly unknown[]>(act: (...args: A) => Promise<unknown>): Action<A> {
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<ApiError>();
  const run = async (...args: A) => {
    if (isRunning) return false;
    setRunning(true);
    setError(undefined);
    try {
      await act(...args);
      return true;
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setError(failure);
      return false;
    } finally {
      setRunning(false);
    }
  };
  return { run, isRunning, error };
}
