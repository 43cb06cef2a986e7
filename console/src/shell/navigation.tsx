import { useLocation } from 'preact-iso';
import type { PageEntry } from './pages.ts';

/** Links to the pages that have a title. */
export function Navigation({ pages }: { readonly pages: readonly PageEntry[] }) {
  const { path } = useLocation();
  const isCurrent = (page: string) => {
    const current = path.replace(/^\/console/, '').replace(/(.)\/$/, '$1') || '/';
    return page === '/' ? current === '/' : current === page || current.startsWith(`${page}/`);
  };
  return (
    <nav class="navigation" aria-label="Pages">
      <ul>
        {pages.map(
          ({ path: page, title }) =>
            title !== undefined && (
              <li key={page}>
                <a href={`/console${page}`} aria-current={isCurrent(page) ? 'page' : undefined}>
                  {title}
                </a>
              </li>
            ),
        )}
      </ul>
    </nav>
  );
}
