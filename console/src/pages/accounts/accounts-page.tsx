import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import { readId } from '../../format/resource-names.ts';
import { writeResourceUrl } from '../../format/urls.ts';
import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import { useQueryState } from '../../shell/use-query-state.ts';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Page } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import { AccountBadges } from '../account-parts/account-badges.tsx';
import { AccountFilters } from './account-filters.tsx';
import { CreateAccountDialog } from './create-account-dialog.tsx';
import { ACCOUNT_FILTERS, writeAccountFilter } from './write-account-filter.ts';

const CREATE = writeGrpcurl('AccountService/CreateAccount', {
  accountId: 'acme',
  account: { email: 'it@acme.example', plan: 'plans/free' },
});
const COLUMNS: readonly Column<AccountJson>[] = [
  { title: 'Account', cell: (account) => <AccountLink account={account} /> },
  { title: 'E-mail address', cell: ({ email = '–' }) => email },
  { title: 'Name', cell: ({ displayName = '' }) => displayName },
  { title: 'State', cell: (account) => <AccountBadges account={account} /> },
  { title: 'Plan', cell: ({ plan = '' }) => plan !== '' && <a href={writeResourceUrl(plan)}>{readId(plan)}</a> },
  { title: 'Last sign-in', cell: ({ lastSignInTime }) => <Time at={lastSignInTime} /> },
  { title: 'Created', cell: ({ createTime }) => <Time at={createTime} /> },
];

/** GetAccount does not find deleted accounts, so they have no page. */
function AccountLink({ account: { name = '', deleteTime } }: { readonly account: AccountJson }) {
  if (deleteTime !== undefined) return <>{readId(name)}</>;
  return <a href={writeResourceUrl(name)}>{readId(name)}</a>;
}

/** Searches the accounts. The filter is in the URL. */
export function AccountsPage() {
  const { route } = useLocation();
  const { values, set } = useQueryState(ACCOUNT_FILTERS);
  const [isCreating, setCreating] = useState(false);
  const filter = writeAccountFilter(values);
  const list = usePages('AccountService.listAccounts', {
    filter,
    showDeleted: values.state === 'deleted',
  });
  const accounts = list.pages.flatMap((page) => page.accounts ?? []);
  const create = (
    <button type="button" class="primary" onClick={() => setCreating(true)}>
      Create account
    </button>
  );
  return (
    <Page title="Accounts" actions={create} error={list.error} isLoading={list.isLoading}>
      <AccountFilters values={values} set={set} />
      <PagedList
        list={list}
        count={accounts.length}
        emptyText={filter === '' ? 'There are no accounts.' : 'No account matches this filter.'}
        command={CREATE}
      >
        <DataTable caption="Accounts" columns={COLUMNS} rows={accounts} rowKey={({ name = '' }) => name} />
      </PagedList>
      {isCreating && (
        <CreateAccountDialog
          onClose={() => setCreating(false)}
          onCreated={({ name = '' }) => route(writeResourceUrl(name))}
        />
      )}
    </Page>
  );
}
