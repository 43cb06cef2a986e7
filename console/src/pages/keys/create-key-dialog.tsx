import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { writeAccountName } from '../../format/resource-names.ts';
import { isAdministrator, useViewer } from '../../shell/viewer.ts';
import { SecretFormDialog } from '../../ui/dialogs/secret-form-dialog.tsx';
import { Field } from '../../ui/forms/field.tsx';
import { KeyFields } from './key-fields.tsx';
import { EMPTY_KEY_FORM, toApiKey } from './key-form.ts';

interface Props {
  /** The account of the key, `accounts/{id}`. undefined: administrators choose it, others have their own. */
  readonly account?: string;
  /** Called once the key exists, while the dialog still shows its secret. */
  readonly onCreated: () => void;
  readonly onClose: () => void;
}

/** Creates a key and shows its secret, once. */
export function CreateKeyDialog({ account, onCreated, onClose }: Props) {
  const [form, setForm] = useState(EMPTY_KEY_FORM);
  const [typedAccount, setTypedAccount] = useState('');
  const choosesAccount = isAdministrator(useViewer()) && account === undefined;
  const create = async () => {
    const owner = account ?? writeAccountName(typedAccount);
    const { secret } = await call('ApiKeyService.createApiKey', { apiKey: { ...toApiKey(form), account: owner } });
    onCreated();
    return secret;
  };
  return (
    <SecretFormDialog
      title="Create an API key"
      action="Create key"
      act={create}
      onClose={onClose}
      secretLabel="Secret of the new key"
      ifLost="If it is lost, rotate the key."
    >
      {(error) => (
        <>
          {choosesAccount && (
            <Field
              label="Account"
              placeholder="accounts/…"
              hint="Empty: your own account."
              value={typedAccount}
              onValue={setTypedAccount}
              error={error}
              field="api_key.account"
            />
          )}
          <KeyFields form={form} onForm={setForm} error={error} />
        </>
      )}
    </SecretFormDialog>
  );
}
