import { CheckboxField } from '../../ui/forms/checkbox-field.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { TextAreaField } from '../../ui/forms/text-area-field.tsx';
import { ClaimFields } from './claim-fields.tsx';
import type { IssuerFieldsProps } from './issuer-fields-props.ts';

const AUDIENCE_CLAIMS = [
  ['', 'aud (default)'],
  ['aud', 'aud'],
  ['client_id', 'client_id'],
  ['azp', 'azp'],
] as const;

/** The fields of an issuer that have a default. */
export function MoreIssuerFields({ form, onForm, error }: IssuerFieldsProps) {
  return (
    <>
      <ClaimFields form={form} onForm={onForm} error={error} />
      <details>
        <summary>More fields</summary>
        <SelectField
          label="Claim with the audience"
          value={form.audienceClaim}
          onValue={(audienceClaim) => onForm({ ...form, audienceClaim })}
          options={AUDIENCE_CLAIMS}
          error={error}
          field="issuer.audience_claim"
        />
        <TextAreaField
          label="Required claims"
          placeholder="token_use = access"
          hint="One per line."
          value={form.requiredClaims}
          onValue={(requiredClaims) => onForm({ ...form, requiredClaims })}
          error={error}
          field="issuer.required_claims"
        />
        <TextAreaField
          label="Aliases"
          hint="Other values of iss that mean this issuer. One per line."
          value={form.issuerAliases}
          onValue={(issuerAliases) => onForm({ ...form, issuerAliases })}
          error={error}
          field="issuer.issuer_aliases"
        />
        <CheckboxField
          label="Its accounts are those of the catalog"
          hint="Tokens of other accounts are denied."
          value={form.catalogAccounts}
          onValue={(catalogAccounts) => onForm({ ...form, catalogAccounts })}
        />
        <CheckboxField
          label="Allow plain http"
          hint="Anyone on the network path can then substitute the keys."
          value={form.insecureHttp}
          onValue={(insecureHttp) => onForm({ ...form, insecureHttp })}
        />
      </details>
    </>
  );
}
