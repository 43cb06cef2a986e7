import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import type { ApiKeyJson } from '../../generated/weir/admin/v1/api_key_service_pb.js';
import { SecretFormDialog } from '../../ui/dialogs/secret-form-dialog.tsx';
import { Field } from '../../ui/forms/field.tsx';

interface Props {
  readonly apiKey: ApiKeyJson;
  /** Called once the new key exists, while the dialog still shows its secret. */
  readonly onRotated: () => void;
  readonly onClose: () => void;
}

/** Replaces a key by a new one and shows the new secret, once. */
export function RotateKeyDialog({ apiKey: { name = '' }, onRotated, onClose }: Props) {
  const [overlap, setOverlap] = useState('1h');
  const rotate = async () => {
    const { secret } = await call('ApiKeyService.rotateApiKey', { name, overlap });
    onRotated();
    return secret;
  };
  return (
    <SecretFormDialog
      title="Rotate the key"
      action="Rotate key"
      act={rotate}
      onClose={onClose}
      secretLabel="Secret of the new key"
      ifLost="If it is lost, rotate the new key."
    >
      {(error) => (
        <>
          <p>A new key with a new secret replaces this one. Both share their counters.</p>
          <Field
            label="Overlap"
            placeholder="1h"
            hint="How long the old secret stays valid, such as 15m, 1h or 7d. Empty: it becomes invalid at once."
            value={overlap}
            onValue={setOverlap}
            error={error}
            field="overlap"
          />
        </>
      )}
    </SecretFormDialog>
  );
}
