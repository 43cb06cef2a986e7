import { Field } from '../../ui/forms/field.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { TextAreaField } from '../../ui/forms/text-area-field.tsx';
import type { IssuerFieldsProps } from './issuer-fields-props.ts';

const SOURCES = [
  ['discovery', 'from the configuration of the issuer (OpenID Connect Discovery)'],
  ['uri', 'from a URL'],
  ['stored', 'stored in Weir'],
] as const;

/** Where the public keys of an issuer are. */
export function KeySourceFields({ form, onForm, error }: IssuerFieldsProps) {
  const { keys } = form;
  const change = (changes: Partial<typeof keys>) => onForm({ ...form, keys: { ...keys, ...changes } });
  return (
    <>
      <SelectField label="Public keys" value={keys.source} onValue={(source) => change({ source })} options={SOURCES} />
      {keys.source === 'uri' && (
        <Field
          label="URL of the keys"
          required
          value={keys.jwksUri}
          onValue={(jwksUri) => change({ jwksUri })}
          error={error}
          field="issuer.jwks_uri"
        />
      )}
      {keys.source === 'stored' && (
        <TextAreaField
          label="JSON Web Key Set"
          required
          rows={6}
          hint="Public keys only."
          value={keys.jwks}
          onValue={(jwks) => change({ jwks })}
          error={error}
          field="issuer.jwks"
        />
      )}
    </>
  );
}
