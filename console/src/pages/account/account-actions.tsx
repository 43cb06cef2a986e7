import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { call } from '../../api/call.ts';
import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import { ConfirmDialog } from '../../ui/dialogs/confirm-dialog.tsx';
import { isBlocked } from '../account-parts/account-badges.tsx';
import { BlockDialog } from './block-dialog.tsx';
import { DisableDialog } from './disable-dialog.tsx';
import { EditAccountDialog } from './edit-account-dialog.tsx';

interface Props {
  readonly account: AccountJson;
  readonly onChange: () => void;
}

type Action = 'edit' | 'block' | 'unblock' | 'disable' | 'enable' | 'delete';

/** Buttons that change an account, each with a dialog. */
export function AccountActions({ account, onChange }: Props) {
  const [action, setAction] = useState<Action>();
  const button = (opened: Action, text: string, className?: string) => (
    <button type="button" class={className} onClick={() => setAction(opened)}>
      {text}
    </button>
  );
  return (
    <>
      {button('edit', 'Edit')}
      {isBlocked(account) ? button('unblock', 'Unblock') : button('block', 'Block')}
      {account.disabled ? button('enable', 'Enable') : button('disable', 'Disable', 'danger')}
      {button('delete', 'Delete', 'danger')}
      {action !== undefined && (
        <ActionDialog action={action} account={account} onChange={onChange} onClose={() => setAction(undefined)} />
      )}
    </>
  );
}

interface DialogProps extends Props {
  readonly action: Action;
  readonly onClose: () => void;
}

function ActionDialog({ action, account, onChange, onClose }: DialogProps) {
  switch (action) {
    case 'edit':
      return <EditAccountDialog account={account} onChange={onChange} onClose={onClose} />;
    case 'block':
      return <BlockDialog account={account} onChange={onChange} onClose={onClose} />;
    case 'disable':
      return <DisableDialog account={account} onChange={onChange} onClose={onClose} />;
    case 'unblock':
      return <UnblockDialog account={account} onChange={onChange} onClose={onClose} />;
    case 'enable':
      return <EnableDialog account={account} onChange={onChange} onClose={onClose} />;
    case 'delete':
      return <DeleteDialog account={account} onClose={onClose} />;
  }
}

function UnblockDialog({ account: { name = '', blockReason }, onChange, onClose }: Omit<DialogProps, 'action'>) {
  const unblock = async () => {
    await call('AccountService.unblockAccount', { name });
    onChange();
  };
  return (
    <ConfirmDialog title={`Unblock ${name}`} action="Unblock account" act={unblock} onClose={onClose}>
      <p>Its keys and tokens work again within a second.</p>
      {blockReason !== undefined && <p>It was blocked because of: {blockReason}</p>}
    </ConfirmDialog>
  );
}

function EnableDialog({
  account: { name = '', disableReason, etag = '' },
  onChange,
  onClose,
}: Omit<DialogProps, 'action'>) {
  const enable = async () => {
    await call('AccountService.updateAccount', { account: { name, disabled: false, etag }, updateMask: 'disabled' });
    onChange();
  };
  return (
    <ConfirmDialog title={`Enable ${name}`} action="Enable account" act={enable} onClose={onClose}>
      <p>Its keys and tokens work again within a second, and its holder can sign in.</p>
      {disableReason !== undefined && <p>It was disabled because of: {disableReason}</p>}
    </ConfirmDialog>
  );
}

function DeleteDialog({ account: { name = '' }, onClose }: Pick<DialogProps, 'account' | 'onClose'>) {
  const { route } = useLocation();
  const remove = async () => {
    await call('AccountService.deleteAccount', { name });
    route('/console/accounts');
  };
  return (
    <ConfirmDialog title={`Delete ${name}`} action="Delete account" act={remove} onClose={onClose}>
      <p>
        This deletes its API keys, ends its sessions, revokes its tokens, and erases its e-mail address and password. It
        cannot be undone, and the id stays taken.
      </p>
    </ConfirmDialog>
  );
}
