import { useState } from 'preact/hooks';
import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import type { IssuedTokenJson } from '../../generated/weir/admin/v1/token_service_pb.js';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { EmptyState } from '../../ui/lists/empty-state.tsx';
import { LoadMore } from '../../ui/lists/load-more.tsx';
import { Page } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import { InspectToken } from './inspect-token.tsx';
import { IssueTokenDialog } from './issue-token-dialog.tsx';
import { RevokeAllDialog, RevokeListedDialog, RevokeTokenDialog } from './revoke-dialogs.tsx';

const ISSUE = writeGrpcurl('TokenService/IssueToken', { account: 'ops', role: 'admin', ttl: '1h' });
const COLUMNS: readonly Column<IssuedTokenJson>[] = [
  { title: 'Id (jti)', cell: ({ tokenId }) => <code>{tokenId}</code> },
  { title: 'Account', cell: ({ account }) => account },
  { title: 'Role', cell: ({ role }) => role },
  { title: 'Issued by', cell: ({ issuedBy }) => issuedBy },
  { title: 'Issued', cell: ({ createTime }) => <Time at={createTime} /> },
  { title: 'Expires', cell: ({ expireTime }) => <Time at={expireTime} /> },
];

type OpenDialog = 'issue' | 'revoke' | 'revoke-all' | { readonly token: IssuedTokenJson };

/** Stateless tokens: issue, inspect, list and revoke them. */
export function TokensPage() {
  const { pages, error, isLoading, reload, loadMore } = usePages('TokenService.listIssuedTokens', {});
  const [open, setOpen] = useState<OpenDialog>();
  const close = () => setOpen(undefined);
  const tokens = pages.flatMap((page) => page.tokens ?? []);
  return (
    <Page title="Tokens" error={error} isLoading={isLoading} actions={<Actions onOpen={setOpen} />}>
      <InspectToken />
      <h2>Administrators' tokens</h2>
      {pages.length > 0 && tokens.length === 0 && (
        <EmptyState
          text="No token with the role admin is in force. Weir lists only these; it stores nothing about other tokens."
          command={ISSUE}
        />
      )}
      {tokens.length > 0 && (
        <TokensTable tokens={tokens} loadMore={loadMore} onRevoke={(token) => setOpen({ token })} />
      )}
      {open === 'issue' && <IssueTokenDialog onIssued={reload} onClose={close} />}
      {open === 'revoke' && <RevokeTokenDialog onRevoked={reload} onClose={close} />}
      {open === 'revoke-all' && <RevokeAllDialog onRevoked={reload} onClose={close} />}
      {typeof open === 'object' && <RevokeListedDialog token={open.token} onRevoked={reload} onClose={close} />}
    </Page>
  );
}

function Actions({ onOpen }: { readonly onOpen: (dialog: OpenDialog) => void }) {
  return (
    <>
      <button type="button" class="primary" onClick={() => onOpen('issue')}>
        Issue a token
      </button>
      <button type="button" class="danger" onClick={() => onOpen('revoke')}>
        Revoke a token
      </button>
      <button type="button" class="danger" onClick={() => onOpen('revoke-all')}>
        Revoke all of an account
      </button>
    </>
  );
}

interface TableProps {
  readonly tokens: readonly IssuedTokenJson[];
  readonly loadMore: (() => void) | undefined;
  readonly onRevoke: (token: IssuedTokenJson) => void;
}

function TokensTable({ tokens, loadMore, onRevoke }: TableProps) {
  const revoke: Column<IssuedTokenJson> = {
    title: 'Action',
    cell: (token) => (
      <button type="button" aria-label={`Revoke ${token.tokenId}`} onClick={() => onRevoke(token)}>
        Revoke
      </button>
    ),
  };
  return (
    <DataTable
      caption="Administrators' tokens"
      rows={tokens}
      rowKey={({ tokenId = '' }) => tokenId}
      columns={[revoke, ...COLUMNS]}
    >
      <LoadMore loadMore={loadMore} />
    </DataTable>
  );
}
