import { PlanField } from '../../ui/forms/plan-field.tsx';
import { SearchField } from '../../ui/forms/search-field.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { type KeyFilters, shortenKey } from './key-filter.ts';

interface Props {
  readonly values: KeyFilters;
  readonly onChange: (changes: Partial<KeyFilters>) => void;
}

/** Of Weir's own keys. A key that is pasted as a name is searched by its last characters. */
const KEY_PREFIX = 'wk_';
const STATES = [
  ['', 'any'],
  ['enabled', 'not disabled'],
  ['disabled', 'disabled'],
  ['expired', 'expired'],
  ['expiring', 'expires within 30 days'],
] as const;
const USES = [
  ['', 'any'],
  ['recently', 'in the last day'],
  ['unused', 'more than 90 days ago'],
  ['never', 'never'],
] as const;
const DELETED = [
  ['', 'hidden'],
  ['yes', 'shown'],
] as const;

/** Filters of the list of keys. */
export function KeyFilterFields({ values, onChange }: Props) {
  return (
    <search class="filters" aria-label="Filters">
      <SearchField
        label="Name"
        value={values.name}
        onValue={(name) => onChange(name.startsWith(KEY_PREFIX) ? { hint: shortenKey(name) } : { name })}
      />
      <SearchField
        label="Last characters"
        value={values.hint}
        onValue={(hint) => onChange({ hint: shortenKey(hint) })}
      />
      <SearchField
        label="Account"
        placeholder="accounts/…"
        value={values.account}
        onValue={(account) => onChange({ account })}
      />
      <PlanField value={values.plan} onValue={(plan) => onChange({ plan })} emptyText="any" />
      <SelectField label="State" value={values.state} onValue={(state) => onChange({ state })} options={STATES} />
      <SelectField label="Last used" value={values.used} onValue={(used) => onChange({ used })} options={USES} />
      <SelectField
        label="Deleted keys"
        value={values.deleted}
        onValue={(deleted) => onChange({ deleted })}
        options={DELETED}
      />
    </search>
  );
}
