import { useState } from 'preact/hooks';
import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import { quoteFilterValue } from '../../format/resource-names.ts';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { EmptyState } from '../../ui/lists/empty-state.tsx';
import { Progress } from '../../ui/progress.tsx';
import { CreateKeyDialog } from '../keys/create-key-dialog.tsx';
import { KeysTable } from '../keys/keys-table.tsx';

/** The API keys of an account, with links to their pages, and a way to create one. */
export function KeysList({ account }: { readonly account: string }) {
  const filter = `account = ${quoteFilterValue(account)}`;
  const { pages, error, isLoading, loadMore, reload } = usePages('ApiKeyService.listApiKeys', { filter });
  const [isCreating, setCreating] = useState(false);
  const keys = pages.flatMap((page) => page.apiKeys ?? []);
  return (
    <>
      <Progress isLoading={isLoading} />
      <p>
        <button type="button" onClick={() => setCreating(true)}>
          Create a key
        </button>
      </p>
      <ErrorMessage error={error} />
      {pages.length > 0 && keys.length === 0 && (
        <EmptyState
          text="The account has no API key."
          command={writeGrpcurl('ApiKeyService/CreateApiKey', { apiKey: { displayName: 'web', account } })}
        />
      )}
      {keys.length > 0 && <KeysTable keys={keys} loadMore={loadMore} />}
      {isCreating && <CreateKeyDialog account={account} onCreated={reload} onClose={() => setCreating(false)} />}
    </>
  );
}
