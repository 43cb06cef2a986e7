import type { ComponentChildren } from 'preact';
import { EmptyState } from './empty-state.tsx';
import { LoadMore } from './load-more.tsx';

interface Props {
  /** The pages so far, as usePages returns them. */
  readonly list: { readonly pages: readonly unknown[]; readonly loadMore: (() => void) | undefined };
  /** How many entries the pages have. */
  readonly count: number;
  /** Shown while there is no entry, with the command that adds one. */
  readonly emptyText: string;
  readonly command: string;
  /** The table of the entries. */
  readonly children: ComponentChildren;
}

/** A list that loads in pages: its entries and a button for more, or the command that fills it. */
export function PagedList({ list: { pages, loadMore }, count, emptyText, command, children }: Props) {
  return (
    <>
      {pages.length > 0 && count === 0 && <EmptyState text={emptyText} command={command} />}
      {count > 0 && children}
      <LoadMore loadMore={loadMore} />
    </>
  );
}
