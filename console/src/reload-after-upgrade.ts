/** When this tab was last reloaded because a file was missing (Unix time in ms). */
const RELOAD_TIME_KEY = 'weir-reload-time';
/** Nodes of two versions behind one address, or a broken installation, must not keep a tab reloading. */
const MIN_INTERVAL_MS = 60_000;
const INDEX = '/console/';

/**
 * Reloads the page when it cannot load one of its own files, because the server was upgraded since the page was opened. Not
 * while the server does not answer: the browser would replace the page by an error.
 */
export function reloadAfterUpgrade(): void {
  addEventListener('vite:preloadError', () => void reload());
}

async function reload(): Promise<void> {
  const lastReload = Number(sessionStorage.getItem(RELOAD_TIME_KEY) ?? 0);
  if (Date.now() - lastReload < MIN_INTERVAL_MS) return;
  const isServed = await fetch(INDEX).then(
    ({ ok }) => ok,
    () => false,
  );
  if (!isServed) return;
  sessionStorage.setItem(RELOAD_TIME_KEY, String(Date.now()));
  location.reload();
}
