import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { listChangedFields } from '../../format/list-changed-fields.ts';
import type { ApiKeyJson } from '../../generated/weir/admin/v1/api_key_service_pb.js';
import { FormDialog } from '../../ui/dialogs/form-dialog.tsx';
import { KeyFields } from './key-fields.tsx';
import { toApiKey, toKeyForm } from './key-form.ts';

interface Props {
  readonly apiKey: ApiKeyJson;
  readonly onSaved: () => void;
  readonly onClose: () => void;
}

/** Changes the fields of a key. Sends only those that differ. */
export function EditKeyDialog({ apiKey, onSaved, onClose }: Props) {
  const { name = '', etag = '' } = apiKey;
  const [before] = useState(() => toKeyForm(apiKey));
  const [form, setForm] = useState(before);
  const changed = listChangedFields(before, form);
  const save = async () => {
    if (changed.length === 0) return;
    await call('ApiKeyService.updateApiKey', {
      apiKey: { ...toApiKey(form), name, etag },
      updateMask: changed.join(','),
    });
    onSaved();
  };
  return (
    <FormDialog title="Edit the key" action="Save" act={save} onClose={onClose}>
      {(error) => <KeyFields form={form} onForm={setForm} error={error} />}
    </FormDialog>
  );
}
