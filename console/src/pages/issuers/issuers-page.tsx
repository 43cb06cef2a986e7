import { useState } from 'preact/hooks';
import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import { readId } from '../../format/resource-names.ts';
import { writeResourceUrl } from '../../format/urls.ts';
import type { IssuerJson } from '../../generated/weir/admin/v1/issuer_service_pb.js';
import { StateBadge } from '../../ui/badges/state-badge.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Page } from '../../ui/page.tsx';
import { Warnings } from '../../ui/warnings.tsx';
import { CreateIssuerDialog } from './issuer-dialogs.tsx';

const CREATE = writeGrpcurl('IssuerService/CreateIssuer', {
  issuerId: 'example',
  issuer: {
    issuer: 'https://login.example.com',
    audiences: ['https://api.example.com'],
    algorithms: ['RS256', 'ES256'],
    defaultPlan: 'plans/free',
  },
});
const COLUMNS: readonly Column<IssuerJson>[] = [
  { title: 'Issuer', cell: ({ name = '' }) => <a href={writeResourceUrl(name)}>{readId(name)}</a> },
  { title: 'Name', cell: ({ displayName }) => displayName },
  { title: 'Claim iss', cell: ({ issuer }) => <code>{issuer}</code> },
  { title: 'Audiences', cell: ({ audiences = [] }) => audiences.join(', ') },
  { title: 'State', cell: ({ disabled }) => <StateBadge isDisabled={disabled} /> },
];

/** External issuers of tokens. */
export function IssuersPage() {
  const list = usePages('IssuerService.listIssuers', {});
  const [isCreating, setCreating] = useState(false);
  const [created, setCreated] = useState<IssuerJson>();
  const issuers = list.pages.flatMap((page) => page.issuers ?? []);
  const actions = (
    <button type="button" class="primary" onClick={() => setCreating(true)}>
      Create an issuer
    </button>
  );
  const onCreated = (issuer: IssuerJson) => {
    setCreated(issuer);
    list.reload();
  };
  return (
    <Page title="Issuers" error={list.error} isLoading={list.isLoading} actions={actions}>
      <Warnings warnings={created?.warnings} />
      <PagedList
        list={list}
        count={issuers.length}
        emptyText="Weir trusts no other issuer of tokens. This adds one:"
        command={CREATE}
      >
        <DataTable caption="Issuers" rows={issuers} rowKey={({ name = '' }) => name} columns={COLUMNS} />
      </PagedList>
      {isCreating && <CreateIssuerDialog onCreated={onCreated} onClose={() => setCreating(false)} />}
    </Page>
  );
}
