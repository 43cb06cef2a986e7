/** A button for the next page. Nothing if there is none. */
export function LoadMore({ loadMore }: { readonly loadMore: (() => void) | undefined }) {
  if (loadMore === undefined) return null;
  return (
    <p class="more">
      <button type="button" onClick={loadMore}>
        Show more
      </button>
    </p>
  );
}
