import { useLocation } from 'preact-iso';
import { writeUrl } from '../format/urls.ts';

/** Values that are part of the URL, so that a link shows the same. */
export interface QueryState<N extends string> {
  /** Empty where the URL has none. */
  readonly values: Readonly<Record<N, string>>;
  /** Changes values, in place of the current entry of the browser's history. Empty ones leave the URL. */
  readonly set: (changes: Partial<Record<N, string>>) => void;
}

/** Reads and changes named values in the query of the URL. Never use it for a secret. */
export function useQueryState<N extends string>(names: readonly N[]): QueryState<N> {
  const { query, path, route } = useLocation();
  const values = Object.fromEntries(names.map((name) => [name, query[name] ?? ''])) as Record<N, string>;
  return { values, set: (changes) => route(writeUrl(path, { ...query, ...changes }), true) };
}
