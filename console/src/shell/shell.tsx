import { ErrorBoundary, Route, Router } from 'preact-iso';
import type { AccountJson } from '../generated/weir/admin/v1/account_pb.js';
import { Banner } from './banner.tsx';
import { Navigation } from './navigation.tsx';
import { ADMIN_PAGES, CUSTOMER_PAGES, NotFoundPage } from './pages.ts';
import { isAdministrator, ReloadViewerProvider, ViewerProvider } from './viewer.ts';

interface Props {
  readonly account: AccountJson;
  /** Loads the account once more. */
  readonly reload: () => void;
  readonly onSignOut: () => void;
}

/** What is on every page: banner, navigation, and the page of the URL. */
export function Shell({ account, reload, onSignOut }: Props) {
  const pages = isAdministrator(account) ? ADMIN_PAGES : CUSTOMER_PAGES;
  return (
    <ReloadViewerProvider value={reload}>
      <ViewerProvider value={account}>
        <div class="shell">
          <Banner onSignOut={onSignOut} />
          <Navigation pages={pages} />
          <main id="content" tabIndex={-1}>
            <ErrorBoundary>
              <Router>
                {pages.map(({ path, component }) => (
                  <Route key={path} path={`/console${path}`} component={component} />
                ))}
                <Route default component={NotFoundPage} />
              </Router>
            </ErrorBoundary>
          </main>
        </div>
      </ViewerProvider>
    </ReloadViewerProvider>
  );
}
