import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/use-action.ts';
import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import { useQueryState } from '../../shell/use-query-state.ts';
import { FormFields } from '../../ui/forms/form-fields.tsx';
import { PlanField } from '../../ui/forms/plan-field.tsx';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { PlanPreview } from './plan-preview.tsx';

const EFFECTIVE = [
  ['NOW', 'At once'],
  ['PERIOD_END', 'At the end of the period'],
] as const;
const COUNTERS = [
  ['KEEP', 'Continue'],
  ['RESET', 'Are reset'],
] as const;

interface Props {
  readonly account: AccountJson;
  readonly onChange: () => void;
}

/** Moves an account to another plan. Shows what would be left of each limit before. The choice is in the URL. */
export function ChangePlanForm({ account: { name = '', etag = '' }, onChange }: Props) {
  const { values, set } = useQueryState(['plan', 'effective', 'counters']);
  const [done, setDone] = useState('');
  const { plan } = values;
  const effective = values.effective === 'PERIOD_END' ? 'PERIOD_END' : 'NOW';
  const counters = values.counters === 'RESET' ? 'RESET' : 'KEEP';
  const { run, isRunning, error } = useAction(() =>
    call('AccountService.changePlan', { name, plan, effective, counters, etag }),
  );
  const choose = (changes: Parameters<typeof set>[0]) => {
    setDone('');
    set(changes);
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(await run())) return;
    setDone(effective === 'NOW' ? 'The plan has changed.' : 'The change is scheduled.');
    set({ plan: '', effective: '', counters: '' });
    onChange();
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <FormFields error={error}>
        <div class="filters">
          <PlanField
            label="New plan"
            value={plan}
            onValue={(chosen) => choose({ plan: chosen })}
            error={error}
            field="plan"
          />
          <SelectField
            label="When"
            value={effective}
            onValue={(chosen) => choose({ effective: chosen })}
            options={EFFECTIVE}
          />
          <SelectField
            label="Counters"
            value={counters}
            onValue={(chosen) => choose({ counters: chosen })}
            options={COUNTERS}
          />
        </div>
      </FormFields>
      {plan !== '' && <PlanPreview request={{ name, plan, effective, counters }} />}
      <p class="actions">
        <button type="submit" class="primary" disabled={isRunning || plan === ''}>
          {effective === 'NOW' ? 'Change plan' : 'Schedule change'}
        </button>
        <span role="status">{done}</span>
      </p>
    </form>
  );
}
