import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import { FormDialog } from '../../ui/dialogs/form-dialog.tsx';
import { Field } from '../../ui/forms/field.tsx';

interface Props {
  readonly account: AccountJson;
  readonly onChange: () => void;
  readonly onClose: () => void;
}

/** Disables an account until an administrator enables it. */
export function DisableDialog({ account: { name = '', etag = '' }, onChange, onClose }: Props) {
  const [disableReason, setReason] = useState('');
  const disable = async () => {
    await call('AccountService.updateAccount', {
      account: { name, etag, disabled: true, disableReason },
      updateMask: 'disabled,disableReason',
    });
    onChange();
  };
  return (
    <FormDialog title={`Disable ${name}`} action="Disable account" act={disable} onClose={onClose}>
      {(error) => (
        <>
          <p>
            Its holder can no longer sign in, its sessions end, and Check denies its keys and tokens with 403{' '}
            <code>disabled_account</code>, until an administrator enables it.
          </p>
          <Field
            label="Reason"
            value={disableReason}
            onValue={setReason}
            hint="For people to read"
            error={error}
            field="account.disable_reason"
          />
        </>
      )}
    </FormDialog>
  );
}
