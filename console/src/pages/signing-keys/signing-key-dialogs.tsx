import { call } from '../../api/call.ts';
import { readId } from '../../format/resource-names.ts';
import type { SigningKeyJson } from '../../generated/weir/admin/v1/signing_key_service_pb.js';
import { ConfirmDialog } from '../../ui/dialogs/confirm-dialog.tsx';

interface RotateProps {
  readonly onRotated: () => void;
  readonly onClose: () => void;
}

/** Replaces the key that signs. */
export function RotateSigningKeyDialog({ onRotated, onClose }: RotateProps) {
  const rotate = async () => {
    await call('SigningKeyService.rotateSigningKey', {});
    onRotated();
  };
  return (
    <ConfirmDialog title="Rotate the signing key?" action="Rotate key" act={rotate} onClose={onClose}>
      <p>
        A new key starts to sign two minutes later. The present key verifies until the last token that it signed has
        expired.
      </p>
    </ConfirmDialog>
  );
}

interface DeleteProps {
  readonly signingKey: SigningKeyJson;
  readonly onDeleted: () => void;
  readonly onClose: () => void;
}

/** Deletes a key that no longer signs. */
export function DeleteSigningKeyDialog({ signingKey: { name = '' }, onDeleted, onClose }: DeleteProps) {
  const remove = async () => {
    await call('SigningKeyService.deleteSigningKey', { name });
    onDeleted();
  };
  return (
    <ConfirmDialog title="Delete signing key?" action="Delete key" act={remove} onClose={onClose}>
      <p>
        All tokens that <code>{readId(name)}</code> signed are denied at once, and their sessions end. Rotate first if
        it still signs. This cannot be undone.
      </p>
    </ConfirmDialog>
  );
}
