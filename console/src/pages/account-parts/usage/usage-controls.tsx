import type { QueryState } from '../../../shell/use-query-state.ts';
import { Field } from '../../../ui/forms/field.tsx';
import { SelectField } from '../../../ui/forms/select-field.tsx';
import { USAGE_STEPS, type UsageStep } from './usage-range.ts';

/** What the URL names. */
export const USAGE_VALUES = ['step', 'group', 'from', 'to'] as const;
export type UsageState = QueryState<(typeof USAGE_VALUES)[number]>;

const STEPS = [
  ['hour', 'Hour'],
  ['day', 'Day'],
  ['month', 'Month'],
] as const;

/** What splits the usage, by its name in the URL, and what people read. */
export const USAGE_GROUPS = [
  ['', 'Outcome'],
  ['key', 'API key'],
  ['route', 'Route'],
  ['plan', 'Plan'],
] as const;
export type UsageGroupName = (typeof USAGE_GROUPS)[number][0];

/** The step that the URL names; a day if it names none. */
export function readStep({ values: { step } }: UsageState): UsageStep {
  return USAGE_STEPS.find((known) => known === step) ?? 'day';
}

/** What splits the usage: what the URL names, else the outcome. */
export function readGroup({ values: { group } }: UsageState): UsageGroupName {
  return USAGE_GROUPS.find(([known]) => known === group)?.[0] ?? '';
}

/** The time range and what splits it. */
export function UsageControls({ state }: { readonly state: UsageState }) {
  const { values, set } = state;
  return (
    <div class="filters">
      <SelectField label="By" value={readStep(state)} onValue={(step) => set({ step })} options={STEPS} />
      <SelectField
        label="Split by"
        value={readGroup(state)}
        onValue={(group) => set({ group })}
        options={USAGE_GROUPS}
      />
      <Field label="First day" type="date" value={values.from} onValue={(from) => set({ from })} />
      <Field label="Last day" type="date" value={values.to} onValue={(to) => set({ to })} />
    </div>
  );
}
