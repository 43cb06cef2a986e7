import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import type { DeviceJson } from '../../generated/weir/admin/v1/device_service_pb.js';
import { FormDialog } from '../../ui/dialogs/form-dialog.tsx';
import { Field } from '../../ui/forms/field.tsx';

interface Props {
  readonly device: DeviceJson;
  /** A name of the device for people to read. */
  readonly title: string;
  readonly onChange: () => void;
  readonly onClose: () => void;
}

/** Blocks a device until somebody unblocks it. */
export function BlockDeviceDialog({ device: { name = '', etag = '' }, title, onChange, onClose }: Props) {
  const [blockReason, setReason] = useState('');
  const block = async () => {
    await call('DeviceService.updateDevice', {
      device: { name, etag, blocked: true, blockReason },
      updateMask: 'blocked,blockReason',
    });
    onChange();
  };
  return (
    <FormDialog title={`Block ${title}`} action="Block device" act={block} onClose={onClose}>
      {(error) => (
        <>
          <p>
            Check denies requests of the account with this device with 403 <code>blocked_device</code>.
          </p>
          <Field
            label="Reason"
            value={blockReason}
            onValue={setReason}
            hint="For people to read"
            error={error}
            field="device.block_reason"
          />
        </>
      )}
    </FormDialog>
  );
}
