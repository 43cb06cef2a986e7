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

/** Blocks an account for some time. */
export function BlockDialog({ account: { name = '' }, onChange, onClose }: Props) {
  const [duration, setDuration] = useState('1h');
  const [reason, setReason] = useState('');
  const block = async () => {
    await call('AccountService.blockAccount', { name, duration, reason });
    onChange();
  };
  return (
    <FormDialog title={`Block ${name}`} action="Block account" act={block} onClose={onClose}>
      {(error) => (
        <>
          <p>
            Check denies its keys and tokens with 403 <code>blocked_account</code>. Its holder can still sign in.
          </p>
          <Field
            label="Duration"
            value={duration}
            onValue={setDuration}
            hint="A number and a unit, such as 30s, 5m, 1h or 7d"
            required
            error={error}
            field="duration"
          />
          <Field
            label="Reason"
            value={reason}
            onValue={setReason}
            hint="For people to read"
            error={error}
            field="reason"
          />
        </>
      )}
    </FormDialog>
  );
}
