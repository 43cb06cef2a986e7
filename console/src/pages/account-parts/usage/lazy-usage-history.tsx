import { ErrorBoundary, lazy } from 'preact-iso';

/** Loads with its chart, which is larger than the rest of a page, when it is first shown. */
const Lazy = lazy(() => import('./usage-history.tsx').then((module) => module.UsageHistory));

/** The usage of an account by hour, day or month. */
export function LazyUsageHistory({ account }: { readonly account: string }) {
  return (
    <ErrorBoundary>
      <Lazy account={account} />
    </ErrorBoundary>
  );
}
