import { useState } from 'preact/hooks';
import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import type { IssuedTokenJson } from '../../generated/weir/admin/v1/token_service_pb.js';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
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
  const list = usePages('TokenService.listIssuedTokens', {});
  const [open, setOpen] = useState<OpenDialog>();
  const close = () => setOpen(undefined);
  const tokens = list.pages.flatMap((page) => page.tokens ?? []);
  return (
    <Page title="Tokens" error={list.error} isLoading={list.isLoading} actions={<Actions onOpen={setOpen} />}>
      <InspectToken />
      <h2>Administrators' tokens</h2>
      <PagedList
        list={list}
        count={tokens.length}
        emptyText="No token with the role admin is in force. Weir lists only these; it stores nothing about other tokens."
        command={ISSUE}
      >
        <TokensTable tokens={tokens} onRevoke={(token) => setOpen({ token })} />
      </PagedList>
      {open === 'issue' && <IssueTokenDialog onIssued={list.reload} onClose={close} />}
      {open === 'revoke' && <RevokeTokenDialog onRevoked={list.reload} onClose={close} />}
      {open === 'revoke-all' && <RevokeAllDialog onRevoked={list.reload} onClose={close} />}
      {typeof open === 'object' && <RevokeListedDialog token={open.token} onRevoked={list.reload} onClose={close} />}
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
  readonly onRevoke: (token: IssuedTokenJson) => void;
}

function TokensTable({ tokens, onRevoke }: TableProps) {
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
    />
  );
}
