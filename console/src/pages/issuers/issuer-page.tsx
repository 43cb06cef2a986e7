import { useState } from 'preact/hooks';
import { useLocation, useRoute } from 'preact-iso';
import { call } from '../../api/call.ts';
import { useCall } from '../../api/use-call.ts';
import type { IssuerJson } from '../../generated/weir/admin/v1/issuer_service_pb.js';
import { ConfirmDialog } from '../../ui/dialogs/confirm-dialog.tsx';
import { DialogButtons } from '../../ui/dialogs/dialog-buttons.tsx';
import { Page } from '../../ui/page.tsx';
import { Warnings } from '../../ui/warnings.tsx';
import { IssuerDetails } from './issuer-details.tsx';
import { EditIssuerDialog } from './issuer-dialogs.tsx';
import { TestIssuer } from './test-issuer.tsx';

type OpenDialog = 'edit' | 'disable' | 'delete';

/** One external issuer of tokens. */
export function IssuerPage() {
  const { params } = useRoute();
  const name = `issuers/${params.id}`;
  const { data: issuer, error, isLoading, reload } = useCall('IssuerService.getIssuer', { name });
  const [open, setOpen] = useState<OpenDialog>();
  const [saved, setSaved] = useState<IssuerJson>();
  const onSaved = (changed: IssuerJson) => {
    setSaved(changed);
    reload();
  };
  const close = () => setOpen(undefined);
  const title = issuer?.displayName || `Issuer ${params.id}`;
  const actions = issuer !== undefined && (
    <DialogButtons<OpenDialog>
      buttons={[
        ['edit', 'Edit'],
        ['disable', issuer.disabled ? 'Enable' : 'Disable'],
        ['delete', 'Delete'],
      ]}
      onOpen={setOpen}
    />
  );
  return (
    <Page title={title} error={error} isLoading={isLoading} actions={actions}>
      <Warnings warnings={saved?.warnings} />
      {issuer !== undefined && (
        <>
          <IssuerDetails issuer={issuer} />
          <TestIssuer name={name} />
          {open === 'edit' && <EditIssuerDialog issuer={issuer} onSaved={onSaved} onClose={close} />}
          {open === 'disable' && <DisableIssuerDialog issuer={issuer} onSaved={onSaved} onClose={close} />}
        </>
      )}
      {open === 'delete' && <DeleteIssuerDialog name={name} onClose={close} />}
    </Page>
  );
}

interface DisableProps {
  readonly issuer: IssuerJson;
  readonly onSaved: (issuer: IssuerJson) => void;
  readonly onClose: () => void;
}

function DisableIssuerDialog({ issuer: { name = '', etag = '', disabled = false }, onSaved, onClose }: DisableProps) {
  const issuer = { name, etag, disabled: !disabled };
  const act = async () => onSaved(await call('IssuerService.updateIssuer', { issuer, updateMask: 'disabled' }));
  const action = disabled ? 'Enable issuer' : 'Disable issuer';
  return (
    <ConfirmDialog title={`${action}?`} action={action} act={act} onClose={onClose}>
      <p>{disabled ? 'Its tokens are accepted again.' : 'Its tokens are denied until it is enabled again.'}</p>
    </ConfirmDialog>
  );
}

function DeleteIssuerDialog({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const { route } = useLocation();
  const remove = async () => {
    await call('IssuerService.deleteIssuer', { name });
    route('/console/issuers');
  };
  return (
    <ConfirmDialog title="Delete issuer?" action="Delete issuer" act={remove} onClose={onClose}>
      <p>Its tokens are denied from now on. This cannot be undone.</p>
    </ConfirmDialog>
  );
}
