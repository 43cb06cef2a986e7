import type { ApiError } from '../../api/api-error.ts';
import { useCall } from '../../api/use-call.ts';
import { readId } from '../../format/resource-names.ts';
import { SelectField } from './select-field.tsx';

/** The most that a page of ListPlans can have. */
const MAX_PLANS = 1000;

interface Props {
  readonly label?: string;
  /** `plans/{plan_id}`; empty: none. */
  readonly value: string;
  readonly onValue: (plan: string) => void;
  /** The text of no plan. undefined: a plan must be chosen. */
  readonly emptyText?: string;
  readonly error?: ApiError | undefined;
  readonly field?: string;
}

/** A choice of a plan. */
export function PlanField({ label = 'Plan', value, onValue, emptyText = 'Choose a plan', error, field = '' }: Props) {
  const { data, error: loadError } = useCall('PlanService.listPlans', { pageSize: MAX_PLANS });
  const plans = (data?.plans ?? []).map(
    ({ name = '', displayName = '' }) => [name, displayName || readId(name)] as const,
  );
  // A link may name a plan that does not exist any more.
  const isKnown = value === '' || plans.some(([name]) => name === value);
  const options = [['', emptyText] as const, ...(isKnown ? [] : [[value, readId(value)] as const]), ...plans];
  return (
    <SelectField
      label={label}
      value={value}
      onValue={onValue}
      options={options}
      hint={loadError?.message}
      error={error}
      field={field}
    />
  );
}
