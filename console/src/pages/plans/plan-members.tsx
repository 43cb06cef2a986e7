import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import { quoteFilterValue, readId } from '../../format/resource-names.ts';
import { writeResourceUrl, writeUrl } from '../../format/urls.ts';
import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Time } from '../../ui/time.tsx';
import { KeysTable } from '../keys/keys-table.tsx';

const ROWS_PER_PAGE = 50;
const COLUMNS: readonly Column<AccountJson>[] = [
  { title: 'Account', cell: ({ name = '' }) => <a href={writeResourceUrl(name)}>{readId(name)}</a> },
  { title: 'E-mail address', cell: ({ email = '–' }) => email },
  { title: 'Name', cell: ({ displayName }) => displayName },
  { title: 'Created', cell: ({ createTime }) => <Time at={createTime} /> },
];

interface Props {
  /** `plans/{plan_id}` */
  readonly plan: string;
}

/** The accounts on a plan. */
export function PlanAccounts({ plan }: Props) {
  const filter = `plan = ${quoteFilterValue(plan)}`;
  const request = { pageSize: ROWS_PER_PAGE, filter };
  const list = usePages('AccountService.listAccounts', request);
  const accounts = list.pages.flatMap((page) => page.accounts ?? []);
  const command = writeGrpcurl('AccountService/ChangePlan', { name: 'accounts/…', plan });
  return (
    <>
      <h2>Accounts</h2>
      <Progress isLoading={list.isLoading} />
      <ErrorMessage error={list.error} />
      <PagedList
        list={list}
        count={accounts.length}
        emptyText="No account is on this plan. This moves one to it:"
        command={command}
      >
        <DataTable caption="Accounts" rows={accounts} rowKey={({ name = '' }) => name} columns={COLUMNS} />
      </PagedList>
    </>
  );
}

/** The keys that name a plan. Keys of its accounts that name none are not among them. */
export function PlanKeys({ plan }: Props) {
  const filter = `plan = ${quoteFilterValue(plan)}`;
  const list = usePages('ApiKeyService.listApiKeys', { pageSize: ROWS_PER_PAGE, filter });
  const keys = list.pages.flatMap(({ apiKeys = [] }) => apiKeys);
  const command = writeGrpcurl('ApiKeyService/CreateApiKey', { apiKey: { account: 'accounts/…', plan } });
  return (
    <>
      <h2>API keys with this plan of their own</h2>
      <Progress isLoading={list.isLoading} />
      <ErrorMessage error={list.error} />
      <PagedList
        list={list}
        count={keys.length}
        emptyText="No API key names this plan. This creates one that does:"
        command={command}
      >
        <KeysTable keys={keys} />
      </PagedList>
      {keys.length > 0 && (
        <p>
          <a href={writeUrl('/console/keys', { plan })}>Search these keys</a>
        </p>
      )}
    </>
  );
}
