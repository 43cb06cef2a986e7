import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { AccountJson } from '../generated/weir/admin/v1/account_pb.js';

const ViewerContext = createContext<AccountJson>({});

const ReloadContext = createContext(() => {});

export const ViewerProvider = ViewerContext.Provider;
export const ReloadViewerProvider = ReloadContext.Provider;

/** The account that is signed in. */
export function useViewer(): AccountJson {
  return useContext(ViewerContext);
}

/** Loads the account that is signed in once more, after a change of it. */
export function useReloadViewer(): () => void {
  return useContext(ReloadContext);
}

export function isAdministrator(account: AccountJson): boolean {
  return account.role === 'admin';
}
