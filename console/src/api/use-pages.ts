import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from './api-error.ts';
import { call } from './call.ts';
import type { MethodName, RequestOf, ResponseOf } from './methods.ts';
import { type Loaded, useCall } from './use-call.ts';

/** A method that answers in pages. */
type ListName = {
  [M in MethodName]: ResponseOf<M> extends { nextPageToken?: string } ? M : never;
}[MethodName];

export interface LoadedPages<M extends ListName> extends Pick<Loaded<unknown>, 'error' | 'isLoading' | 'reload'> {
  /** The responses so far, one per page; empty: there is none yet. */
  readonly pages: readonly ResponseOf<M>[];
  /** Loads the next page; undefined: there is none. */
  readonly loadMore: (() => void) | undefined;
}

/** Calls a method that answers in pages: the first page at once, further ones when asked to. */
export function usePages<M extends ListName>(method: M, request: RequestOf<M> | undefined): LoadedPages<M> {
  const first = useCall(method, request);
  const [further, setFurther] = useState<readonly ResponseOf<M>[]>([]);
  const [error, setError] = useState<ApiError>();
  const [isLoadingMore, setLoadingMore] = useState(false);
  useEffect(() => {
    setFurther([]);
    setError(undefined);
  }, [first.data]);
  // A page that arrives after the first one has changed belongs to another list.
  const current = useRef(first.data);
  current.current = first.data;
  const pages = first.data === undefined ? [] : [first.data, ...further];
  const { nextPageToken = '' } = (pages.at(-1) ?? {}) as { nextPageToken?: string };
  const loadMore = async () => {
    setLoadingMore(true);
    try {
      // Every method of ListName has a page token, but TypeScript does not infer it for M.
      const next = Object.assign({}, request, { pageToken: nextPageToken }) as RequestOf<M>;
      const page = await call(method, next);
      if (current.current === first.data) setFurther((known) => [...known, page]);
      setError(undefined);
    } catch (failure) {
      if (current.current === first.data) setError(failure as ApiError); // `call` throws nothing else
    }
    setLoadingMore(false);
  };
  return {
    pages,
    error: first.error ?? error,
    isLoading: first.isLoading || isLoadingMore,
    reload: first.reload,
    loadMore: nextPageToken === '' || isLoadingMore || first.isLoading ? undefined : () => void loadMore(),
  };
}
