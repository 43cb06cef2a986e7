import { useCallback, useEffect, useState } from 'preact/hooks';
import type { ApiError } from './api-error.ts';
import { call } from './call.ts';
import type { MethodName, RequestOf, ResponseOf } from './methods.ts';

export interface Loaded<T> {
  /** The last response; undefined: there is none yet. It stays while another one loads. */
  readonly data: T | undefined;
  /** Why the last call failed; undefined: it did not. */
  readonly error: ApiError | undefined;
  readonly isLoading: boolean;
  /** Calls once more, for example after a change. */
  readonly reload: () => void;
}

export interface UseCallOptions {
  /** Repeats the call this long after each response while the page is visible. undefined: never. */
  readonly pollMs?: number;
}

/**
 * Calls a method when the component appears and whenever the request changes. undefined as the request: calls nothing.
 * A response that a later request has overtaken is dropped.
 */
export function useCall<M extends MethodName>(
  method: M,
  request: RequestOf<M> | undefined,
  { pollMs }: UseCallOptions = {},
): Loaded<ResponseOf<M>> {
  const [data, setData] = useState<ResponseOf<M>>();
  const [error, setError] = useState<ApiError>();
  const [isLoading, setLoading] = useState(request !== undefined);
  const [turn, setTurn] = useState(0);
  // Stands for the request in the dependencies below, as the request itself is a new object each time.
  const key = JSON.stringify(request);
  useEffect(() => {
    if (request === undefined) return;
    const leaving = new AbortController();
    const { signal } = leaving;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async (isPoll: boolean) => {
      try {
        if (!isPoll || document.visibilityState === 'visible') {
          const response = await call(method, request, { isPoll, signal });
          setData(() => response);
          setError(undefined);
        }
      } catch (failure) {
        if (signal.aborted) return;
        setError(failure as ApiError); // `call` throws nothing else
      }
      if (signal.aborted) return;
      setLoading(false);
      if (pollMs !== undefined) timer = setTimeout(() => void load(true), pollMs);
    };
    setLoading(true);
    void load(false);
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [method, key, turn, pollMs]);
  const reload = useCallback(() => setTurn((last) => last + 1), []);
  return { data, error, isLoading, reload };
}
