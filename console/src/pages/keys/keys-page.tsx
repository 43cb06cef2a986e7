import { useState } from 'preact/hooks';
import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import { useQueryState } from '../../shell/use-query-state.ts';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Page } from '../../ui/page.tsx';
import { CreateKeyDialog } from './create-key-dialog.tsx';
import { KEY_FILTERS, writeKeyFilter } from './key-filter.ts';
import { KeyFilterFields } from './key-filter-fields.tsx';
import { KeysTable } from './keys-table.tsx';

const ROWS_PER_PAGE = 100;
const CREATE = writeGrpcurl('ApiKeyService/CreateApiKey', {
  apiKey: { displayName: 'nightly import', account: 'accounts/…', plan: 'plans/pro' },
});

/** All API keys, by filters. */
export function KeysPage() {
  const { values, set } = useQueryState(KEY_FILTERS);
  const list = usePages('ApiKeyService.listApiKeys', {
    pageSize: ROWS_PER_PAGE,
    filter: writeKeyFilter(values, Date.now()),
    showDeleted: values.deleted === 'yes',
  });
  const [isCreating, setCreating] = useState(false);
  const keys = list.pages.flatMap(({ apiKeys = [] }) => apiKeys);
  return (
    <Page
      title="API keys"
      error={list.error}
      isLoading={list.isLoading}
      actions={
        <button type="button" class="primary" onClick={() => setCreating(true)}>
          Create a key
        </button>
      }
    >
      <KeyFilterFields values={values} onChange={set} />
      <PagedList list={list} count={keys.length} emptyText="No API key matches. This creates one:" command={CREATE}>
        <KeysTable keys={keys} />
      </PagedList>
      {isCreating && <CreateKeyDialog onCreated={list.reload} onClose={() => setCreating(false)} />}
    </Page>
  );
}
