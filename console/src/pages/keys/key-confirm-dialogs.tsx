import { call } from '../../api/call.ts';
import type { ApiKeyJson } from '../../generated/weir/admin/v1/api_key_service_pb.js';
import { ConfirmDialog } from '../../ui/dialogs/confirm-dialog.tsx';

interface DisableProps {
  readonly apiKey: ApiKeyJson;
  readonly onChanged: () => void;
  readonly onClose: () => void;
}

/** Disables a key, or enables it again. */
export function DisableKeyDialog({ apiKey: { name = '', etag = '', disabled = false }, ...props }: DisableProps) {
  const act = async () => {
    await call('ApiKeyService.updateApiKey', {
      apiKey: { name, etag, disabled: !disabled },
      updateMask: 'disabled',
    });
    props.onChanged();
  };
  const action = disabled ? 'Enable key' : 'Disable key';
  return (
    <ConfirmDialog title={`${action}?`} action={action} act={act} onClose={props.onClose}>
      <p>
        {disabled
          ? 'Requests with this key are accepted again.'
          : 'Requests with this key are denied with 403 until it is enabled again.'}
      </p>
    </ConfirmDialog>
  );
}

interface DeleteProps {
  readonly apiKey: ApiKeyJson;
  readonly onDeleted: () => void;
  readonly onClose: () => void;
}

/** Deletes a key. */
export function DeleteKeyDialog({ apiKey: { name = '', hint }, onDeleted, onClose }: DeleteProps) {
  const act = async () => {
    await call('ApiKeyService.deleteApiKey', { name });
    onDeleted();
  };
  return (
    <ConfirmDialog title="Delete key?" action="Delete key" act={act} onClose={onClose}>
      <p>
        Requests with <code>{hint}</code> are denied with 401 from now on. This cannot be undone.
      </p>
    </ConfirmDialog>
  );
}
