import { useState } from 'preact/hooks';
import { useCall } from '../../api/use-call.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import { readId } from '../../format/resource-names.ts';
import type { SigningKeyJson } from '../../generated/weir/admin/v1/signing_key_service_pb.js';
import { Badge } from '../../ui/badges/badge.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { EmptyState } from '../../ui/lists/empty-state.tsx';
import { Page } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import { DeleteSigningKeyDialog, RotateSigningKeyDialog } from './signing-key-dialogs.tsx';

const ROTATE = writeGrpcurl('SigningKeyService/RotateSigningKey', {});
const COLUMNS: readonly Column<SigningKeyJson>[] = [
  { title: 'Id (kid)', cell: ({ name }) => <code>{readId(name)}</code> },
  { title: 'Algorithm', cell: ({ algorithm }) => algorithm },
  { title: 'State', cell: (key) => <KeyBadge signingKey={key} /> },
  { title: 'Signs from', cell: ({ activateTime }) => <Time at={activateTime} /> },
  { title: 'Verifies until', cell: ({ expireTime }) => <Time at={expireTime} /> },
  { title: 'Created', cell: ({ createTime }) => <Time at={createTime} /> },
];

/** The keys with which Weir signs its tokens. */
export function SigningKeysPage() {
  const { data, error, isLoading, reload } = useCall('SigningKeyService.listSigningKeys', {});
  const [open, setOpen] = useState<'rotate' | SigningKeyJson>();
  const close = () => setOpen(undefined);
  const keys = data?.signingKeys ?? [];
  const actions = (
    <button type="button" onClick={() => setOpen('rotate')}>
      Rotate the signing key
    </button>
  );
  const remove: Column<SigningKeyJson> = {
    title: 'Action',
    cell: (key) => (
      <button type="button" aria-label={`Delete ${readId(key.name)}`} onClick={() => setOpen(key)}>
        Delete
      </button>
    ),
  };
  return (
    <Page title="Signing keys" error={error} isLoading={isLoading} actions={actions}>
      {data !== undefined && keys.length === 0 && (
        <EmptyState text="There is no signing key. This creates one:" command={ROTATE} />
      )}
      {keys.length > 0 && (
        <DataTable caption="Signing keys" rows={keys} rowKey={({ name = '' }) => name} columns={[remove, ...COLUMNS]} />
      )}
      {open === 'rotate' && <RotateSigningKeyDialog onRotated={reload} onClose={close} />}
      {typeof open === 'object' && <DeleteSigningKeyDialog signingKey={open} onDeleted={reload} onClose={close} />}
    </Page>
  );
}

function KeyBadge({ signingKey: { signing, expireTime } }: { readonly signingKey: SigningKeyJson }) {
  if (signing) return <Badge tone="good" text="signs" />;
  return expireTime === undefined ? (
    <Badge tone="warning" text="is about to sign" />
  ) : (
    <Badge tone="neutral" text="verifies only" />
  );
}
