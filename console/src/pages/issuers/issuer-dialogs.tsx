import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { listChangedFields } from '../../format/list-changed-fields.ts';
import type { IssuerJson } from '../../generated/weir/admin/v1/issuer_service_pb.js';
import { FormDialog } from '../../ui/dialogs/form-dialog.tsx';
import { Field } from '../../ui/forms/field.tsx';
import { IssuerFields } from './issuer-fields.tsx';
import { NEW_ISSUER_FORM, toIssuer, toIssuerForm, writeIssuerMask } from './issuer-form.ts';

interface CreateProps {
  /** Gets the issuer, with Weir's warnings about its keys. */
  readonly onCreated: (issuer: IssuerJson) => void;
  readonly onClose: () => void;
}

/** Creates an issuer. */
export function CreateIssuerDialog({ onCreated, onClose }: CreateProps) {
  const [issuerId, setIssuerId] = useState('');
  const [form, setForm] = useState(NEW_ISSUER_FORM);
  const create = async () => onCreated(await call('IssuerService.createIssuer', { issuerId, issuer: toIssuer(form) }));
  return (
    <FormDialog title="Create an issuer" action="Create issuer" act={create} onClose={onClose}>
      {(error) => (
        <>
          <Field
            label="Id"
            required
            placeholder="example"
            hint="Letters a-z, digits and -. It cannot be changed later."
            value={issuerId}
            onValue={setIssuerId}
            error={error}
            field="issuer_id"
          />
          <IssuerFields form={form} onForm={setForm} error={error} />
        </>
      )}
    </FormDialog>
  );
}

interface EditProps {
  readonly issuer: IssuerJson;
  /** Gets the issuer, with Weir's warnings about its keys. */
  readonly onSaved: (issuer: IssuerJson) => void;
  readonly onClose: () => void;
}

/** Changes an issuer. Sends only the fields that differ. */
export function EditIssuerDialog({ issuer, onSaved, onClose }: EditProps) {
  const { name = '', etag = '' } = issuer;
  const [before] = useState(() => toIssuerForm(issuer));
  const [form, setForm] = useState(before);
  const updateMask = writeIssuerMask(listChangedFields(before, form));
  const save = async () => {
    if (updateMask === '') return;
    onSaved(await call('IssuerService.updateIssuer', { issuer: { ...toIssuer(form), name, etag }, updateMask }));
  };
  return (
    <FormDialog title="Edit the issuer" action="Save" act={save} onClose={onClose}>
      {(error) => <IssuerFields form={form} onForm={setForm} error={error} />}
    </FormDialog>
  );
}
