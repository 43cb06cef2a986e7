import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import type { IssuedTokenJson } from '../../generated/weir/admin/v1/token_service_pb.js';
import { ConfirmDialog } from '../../ui/dialogs/confirm-dialog.tsx';
import { FormDialog } from '../../ui/dialogs/form-dialog.tsx';
import { Field } from '../../ui/forms/field.tsx';

interface Props {
  readonly onRevoked: () => void;
  readonly onClose: () => void;
}

/** Revokes a token of the list. */
export function RevokeListedDialog({
  token: { tokenId = '', expireTime, account },
  onRevoked,
  onClose,
}: Props & { readonly token: IssuedTokenJson }) {
  const revoke = async () => {
    await call('TokenService.revokeToken', { tokenId, ...(expireTime !== undefined && { expireTime }) });
    onRevoked();
  };
  return (
    <ConfirmDialog title="Revoke token?" action="Revoke token" act={revoke} onClose={onClose}>
      <p>Every node denies the token of {account} within a second. This cannot be undone.</p>
    </ConfirmDialog>
  );
}

/** Revokes a token by itself or by its id. */
export function RevokeTokenDialog({ onRevoked, onClose }: Props) {
  const [token, setToken] = useState('');
  const [tokenId, setTokenId] = useState('');
  const [issuer, setIssuer] = useState('');
  const revoke = async () => {
    await call('TokenService.revokeToken', { token: token.trim(), tokenId: tokenId.trim(), issuer: issuer.trim() });
    onRevoked();
  };
  return (
    <FormDialog title="Revoke a token" action="Revoke token" act={revoke} onClose={onClose}>
      {(error) => (
        <>
          <p>Every node denies it within a second. This cannot be undone.</p>
          <Field
            label="Token"
            type="password"
            autocomplete="off"
            hint="The token itself, if you have it."
            value={token}
            onValue={setToken}
            error={error}
            field="token"
          />
          <Field
            label="Or its id"
            hint="The claim jti."
            value={tokenId}
            onValue={setTokenId}
            error={error}
            field="token_id"
          />
          <Field
            label="Issuer of the id"
            placeholder="issuers/…"
            hint="Empty: Weir itself."
            value={issuer}
            onValue={setIssuer}
            error={error}
            field="issuer"
          />
        </>
      )}
    </FormDialog>
  );
}

/** Revokes all tokens of an account that exist now. */
export function RevokeAllDialog({ onRevoked, onClose }: Props) {
  const [account, setAccount] = useState('');
  const [issuer, setIssuer] = useState('');
  const revoke = async () => {
    await call('TokenService.revokeTokens', { account: account.trim(), issuer: issuer.trim() });
    onRevoked();
  };
  return (
    <FormDialog title="Revoke all tokens of an account" action="Revoke tokens" act={revoke} onClose={onClose}>
      {(error) => (
        <>
          <p>Revokes the tokens that were issued until now, and ends the sessions of the account.</p>
          <Field
            label="Account"
            required
            placeholder="accounts/…"
            value={account}
            onValue={setAccount}
            error={error}
            field="account"
          />
          <Field
            label="Issuer"
            placeholder="issuers/…"
            hint="Empty: Weir, for an account of the catalog. issuers/weir: Weir, for any account."
            value={issuer}
            onValue={setIssuer}
            error={error}
            field="issuer"
          />
        </>
      )}
    </FormDialog>
  );
}
