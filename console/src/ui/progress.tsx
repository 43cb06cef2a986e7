import { useEffect, useState } from 'preact/hooks';

/** Anything shorter needs no sign of progress. */
const DELAY_MS = 300;

/** Says that something is loading, once it has taken 300 ms. */
export function Progress({ isLoading }: { readonly isLoading: boolean }) {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    setShown(false);
    if (!isLoading) return;
    const timer = setTimeout(() => setShown(true), DELAY_MS);
    return () => clearTimeout(timer);
  }, [isLoading]);
  return (
    <div class="progress" role="status">
      {isShown && isLoading && (
        <>
          <span class="progress-bar" aria-hidden="true" />
          <span class="visually-hidden">Loading</span>
        </>
      )}
    </div>
  );
}
