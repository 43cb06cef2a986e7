import { readId } from '../../format/resource-names.ts';
import { writeResourceUrl } from '../../format/urls.ts';
import type { ApiKeyJson } from '../../generated/weir/admin/v1/api_key_service_pb.js';
import { isAdministrator, useViewer } from '../../shell/viewer.ts';
import { Badge } from '../../ui/badges/badge.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { Time } from '../../ui/time.tsx';
import { readKeyState } from './key-state.ts';

const ACCOUNT: Column<ApiKeyJson> = {
  title: 'Account',
  cell: ({ account }) => <ResourceLink name={account} empty="–" />,
};

/** For customers, whose keys all belong to their account. */
const OWN_COLUMNS: readonly Column<ApiKeyJson>[] = [
  {
    title: 'Name',
    cell: ({ name = '', displayName }) => <a href={writeResourceUrl(name)}>{displayName || readId(name)}</a>,
  },
  { title: 'Key', cell: ({ hint }) => <code>{hint}</code> },
  { title: 'Plan', cell: ({ plan }) => <ResourceLink name={plan} empty="of the account" /> },
  { title: 'State', cell: (key) => <KeyBadge apiKey={key} /> },
  { title: 'Expires', cell: ({ expireTime }) => <Time at={expireTime} /> },
  { title: 'Last used', cell: ({ lastUsedTime }) => <Time at={lastUsedTime} /> },
];

const COLUMNS: readonly Column<ApiKeyJson>[] = [...OWN_COLUMNS.slice(0, 2), ACCOUNT, ...OWN_COLUMNS.slice(2)];

/** API keys with links to their pages. */
export function KeysTable({ keys }: { readonly keys: readonly ApiKeyJson[] }) {
  const columns = isAdministrator(useViewer()) ? COLUMNS : OWN_COLUMNS;
  return <DataTable caption="API keys" rows={keys} rowKey={({ name = '' }) => name} columns={columns} />;
}

/** Whether a key can be used. */
export function KeyBadge({ apiKey }: { readonly apiKey: ApiKeyJson }) {
  const { text, tone } = readKeyState(apiKey, Date.now());
  return <Badge tone={tone} text={text} />;
}

/** A link to the page of an account, plan or key, or a text if there is none. Customers have pages of keys only. */
export function ResourceLink({ name = '', empty }: { readonly name: string | undefined; readonly empty: string }) {
  const isAdmin = isAdministrator(useViewer());
  if (name === '') return <span>{empty}</span>;
  if (!isAdmin && !name.startsWith('apiKeys/')) return <>{readId(name)}</>;
  return <a href={writeResourceUrl(name)}>{readId(name)}</a>;
}
