import { useState } from 'preact/hooks';
import { useLocation, useRoute } from 'preact-iso';
import { useCall } from '../../api/use-call.ts';
import { readId } from '../../format/resource-names.ts';
import { writeUrl } from '../../format/urls.ts';
import type { ApiKeyJson } from '../../generated/weir/admin/v1/api_key_service_pb.js';
import { isAdministrator, useViewer } from '../../shell/viewer.ts';
import { DetailsList } from '../../ui/details-list.tsx';
import { DialogButtons } from '../../ui/dialogs/dialog-buttons.tsx';
import { Page } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import { EditKeyDialog } from './edit-key-dialog.tsx';
import { DeleteKeyDialog, DisableKeyDialog } from './key-confirm-dialogs.tsx';
import { KeyUsage } from './key-usage.tsx';
import { KeyBadge, ResourceLink } from './keys-table.tsx';
import { RotateKeyDialog } from './rotate-key-dialog.tsx';

type OpenDialog = 'edit' | 'rotate' | 'disable' | 'delete';

/** One API key: what it may do, what it has used, and what can be done with it. */
export function KeyPage() {
  const { params } = useRoute();
  const name = `apiKeys/${params.id}`;
  const { data: apiKey, error, isLoading, reload } = useCall('ApiKeyService.getApiKey', { name });
  const [open, setOpen] = useState<OpenDialog>();
  const title = apiKey?.displayName || `API key ${params.id}`;
  const actions = apiKey !== undefined && <KeyActions apiKey={apiKey} onOpen={setOpen} />;
  return (
    <Page title={title} error={error} isLoading={isLoading} actions={actions}>
      {apiKey !== undefined && (
        <>
          <KeyDetails apiKey={apiKey} />
          <KeyUsage apiKey={apiKey} />
          <KeyDialog open={open} apiKey={apiKey} onChanged={reload} onClose={() => setOpen(undefined)} />
        </>
      )}
    </Page>
  );
}

function KeyActions({
  apiKey: { name = '', disabled },
  onOpen,
}: {
  readonly apiKey: ApiKeyJson;
  readonly onOpen: (dialog: OpenDialog) => void;
}) {
  const isAdmin = isAdministrator(useViewer());
  return (
    <>
      {isAdmin && (
        <a class="button" href={writeUrl('/console/explain', { apiKey: name })}>
          Explain
        </a>
      )}
      <DialogButtons<OpenDialog>
        buttons={[
          ['edit', 'Edit'],
          ['rotate', 'Rotate'],
          // Only administrators enable a key again.
          ...(isAdmin || !disabled ? [['disable', disabled ? 'Enable' : 'Disable'] as const] : []),
          ['delete', 'Delete'],
        ]}
        onOpen={onOpen}
      />
    </>
  );
}

function KeyDetails({ apiKey }: { readonly apiKey: ApiKeyJson }) {
  const { allowedNetworks = [], features = [], successor } = apiKey;
  return (
    <DetailsList
      entries={[
        ['State', <KeyBadge key="state" apiKey={apiKey} />],
        ['Key', <code key="hint">{apiKey.hint}</code>],
        ['Id', readId(apiKey.name)],
        ['Account', <ResourceLink key="account" name={apiKey.account} empty="–" />],
        ['Plan', <ResourceLink key="plan" name={apiKey.plan} empty="that of the account" />],
        ['Allowed networks', allowedNetworks.join(', ') || 'all'],
        ['Features of its own', features.join(', ') || 'none'],
        ['Last used', <Time key="used" at={apiKey.lastUsedTime} />],
        ['Expires', <Time key="expires" at={apiKey.expireTime} />],
        ['Created', <Time key="created" at={apiKey.createTime} />],
        ['Changed', <Time key="changed" at={apiKey.updateTime} />],
        ...(successor ? [['Replaced by', <ResourceLink key="next" name={successor} empty="" />] as const] : []),
      ]}
    />
  );
}

interface DialogProps {
  readonly open: OpenDialog | undefined;
  readonly apiKey: ApiKeyJson;
  readonly onChanged: () => void;
  readonly onClose: () => void;
}

function KeyDialog({ open, apiKey, onChanged, onClose }: DialogProps) {
  const { route } = useLocation();
  switch (open) {
    case 'edit':
      return <EditKeyDialog apiKey={apiKey} onSaved={onChanged} onClose={onClose} />;
    case 'rotate':
      return <RotateKeyDialog apiKey={apiKey} onRotated={onChanged} onClose={onClose} />;
    case 'disable':
      return <DisableKeyDialog apiKey={apiKey} onChanged={onChanged} onClose={onClose} />;
    case 'delete':
      return <DeleteKeyDialog apiKey={apiKey} onDeleted={() => route('/console/keys')} onClose={onClose} />;
    default:
      return null;
  }
}
