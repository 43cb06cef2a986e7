import { useEffect, useState } from 'preact/hooks';
import { Field } from '../../ui/forms/field.tsx';
import { PlanField } from '../../ui/forms/plan-field.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import type { AccountFilterValues } from './write-account-filter.ts';

const ROLES = [
  ['', 'Any'],
  ['user', 'User'],
  ['admin', 'Administrator'],
] as const;
const STATES = [
  ['', 'Any'],
  ['enabled', 'Enabled'],
  ['disabled', 'Disabled'],
  ['deleted', 'Any, also deleted'],
] as const;
interface Props {
  readonly values: AccountFilterValues;
  readonly set: (changes: Partial<AccountFilterValues>) => void;
}

/** The filter of the accounts. Choices apply at once, the e-mail address with Enter or the button. */
export function AccountFilters({ values: { email, plan, role, state }, set }: Props) {
  const [typed, setTyped] = useState(email);
  useEffect(() => setTyped(email), [email]);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    set({ email: typed.trim() });
  };
  return (
    <search>
      <form class="filters" onSubmit={submit}>
        <Field label="E-mail address" type="search" value={typed} onValue={setTyped} placeholder="@example.com" />
        <PlanField value={plan} onValue={(chosen) => set({ plan: chosen })} emptyText="Any" />
        <SelectField label="Role" value={role} onValue={(chosen) => set({ role: chosen })} options={ROLES} />
        <SelectField label="State" value={state} onValue={(chosen) => set({ state: chosen })} options={STATES} />
        <p class="field">
          <button type="submit">Search</button>
        </p>
      </form>
    </search>
  );
}
