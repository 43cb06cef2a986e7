import { useState } from 'preact/hooks';
import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import { quoteFilterValue } from '../../format/resource-names.ts';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Progress } from '../../ui/progress.tsx';
import { CreateKeyDialog } from '../keys/create-key-dialog.tsx';
import { KeysTable } from '../keys/keys-table.tsx';

/** The API keys of an account, with links to their pages, and a way to create one. */
export function KeysList({ account }: { readonly account: string }) {
  const filter = `account = ${quoteFilterValue(account)}`;
  const list = usePages('ApiKeyService.listApiKeys', { filter });
  const [isCreating, setCreating] = useState(false);
  const keys = list.pages.flatMap((page) => page.apiKeys ?? []);
  return (
    <>
      <Progress isLoading={list.isLoading} />
      <p>
        <button type="button" onClick={() => setCreating(true)}>
          Create a key
        </button>
      </p>
      <ErrorMessage error={list.error} />
      <PagedList
        list={list}
        count={keys.length}
        emptyText="The account has no API key."
        command={writeGrpcurl('ApiKeyService/CreateApiKey', { apiKey: { displayName: 'web', account } })}
      >
        <KeysTable keys={keys} />
      </PagedList>
      {isCreating && <CreateKeyDialog account={account} onCreated={list.reload} onClose={() => setCreating(false)} />}
    </>
  );
}
