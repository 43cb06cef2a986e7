import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import { formatCount } from '../../format/numbers.ts';
import { readId } from '../../format/resource-names.ts';
import type { DeviceJson } from '../../generated/weir/admin/v1/device_service_pb.js';
import { Badge } from '../../ui/badges/badge.tsx';
import { ConfirmDialog } from '../../ui/dialogs/confirm-dialog.tsx';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Time } from '../../ui/time.tsx';
import { BlockDeviceDialog } from './block-device-dialog.tsx';

interface Opened {
  readonly device: DeviceJson;
  readonly action: 'block' | 'unblock' | 'delete';
}

const COLUMNS: readonly Column<DeviceJson>[] = [
  { title: 'Device', cell: ({ name, displayName }) => displayName || <code>{readId(name).slice(0, 12)}…</code> },
  { title: 'State', cell: (device) => <State device={device} /> },
  { title: 'First allowed', cell: ({ firstSeenTime }) => <Time at={firstSeenTime} /> },
  { title: 'Last allowed', cell: ({ lastSeenTime }) => <Time at={lastSeenTime} /> },
  { title: 'Allowed', isNumber: true, cell: ({ requestCount }) => formatCount(requestCount) },
  { title: 'Last denied', cell: ({ lastAttemptTime }) => <Time at={lastAttemptTime} /> },
  { title: 'Denied', isNumber: true, cell: ({ attemptCount }) => formatCount(attemptCount) },
];

function State({ device: { blocked, blockReason } }: { readonly device: DeviceJson }) {
  if (!blocked) return <Badge tone="good" text="usable" />;
  return (
    <>
      <Badge tone="bad" text="blocked" /> {blockReason}
    </>
  );
}

/** The devices that clients of an account name, and ways to block, unblock and delete each. */
export function DevicesList({ account }: { readonly account: string }) {
  const list = usePages('DeviceService.listDevices', { parent: account });
  const [opened, setOpened] = useState<Opened>();
  const devices = list.pages.flatMap((page) => page.devices ?? []);
  const actions: Column<DeviceJson> = {
    title: 'Actions',
    cell: (device) => <DeviceActions device={device} onOpen={setOpened} />,
  };
  return (
    <>
      <Progress isLoading={list.isLoading} />
      <ErrorMessage error={list.error} />
      <PagedList
        list={list}
        count={devices.length}
        emptyText="No device is registered. Check registers devices with DEVICE_HEADER and DEVICE_REGISTRATION=auto, and so does this:"
        command={writeGrpcurl('DeviceService/CreateDevice', { parent: account, headerValue: 'laptop-1' })}
      >
        <DataTable caption="Devices" columns={[...COLUMNS, actions]} rows={devices} rowKey={({ name = '' }) => name} />
      </PagedList>
      {opened !== undefined && (
        <DeviceDialog opened={opened} onClose={() => setOpened(undefined)} onChange={list.reload} />
      )}
    </>
  );
}

function DeviceActions({ device, onOpen }: { readonly device: DeviceJson; readonly onOpen: (opened: Opened) => void }) {
  return (
    <span class="actions">
      <button type="button" onClick={() => onOpen({ device, action: device.blocked ? 'unblock' : 'block' })}>
        {device.blocked ? 'Unblock' : 'Block'}
      </button>
      <button type="button" class="danger" onClick={() => onOpen({ device, action: 'delete' })}>
        Delete
      </button>
    </span>
  );
}

interface DialogProps {
  readonly opened: Opened;
  readonly onClose: () => void;
  readonly onChange: () => void;
}

function DeviceDialog({ opened: { device, action }, onClose, onChange }: DialogProps) {
  const { name = '', displayName, etag = '' } = device;
  const title = displayName || `device ${readId(name).slice(0, 12)}…`;
  const act = async () => {
    if (action === 'delete') await call('DeviceService.deleteDevice', { name });
    else await call('DeviceService.updateDevice', { device: { name, etag, blocked: false }, updateMask: 'blocked' });
    onChange();
  };
  if (action === 'block')
    return <BlockDeviceDialog device={device} title={title} onClose={onClose} onChange={onChange} />;
  return action === 'delete' ? (
    <ConfirmDialog title={`Delete ${title}`} action="Delete device" act={act} onClose={onClose}>
      <p>With DEVICE_REGISTRATION=auto, its next request registers it again. Block a device to keep it out.</p>
    </ConfirmDialog>
  ) : (
    <ConfirmDialog title={`Unblock ${title}`} action="Unblock device" act={act} onClose={onClose}>
      <p>Requests of the account with this device pass again.</p>
    </ConfirmDialog>
  );
}
