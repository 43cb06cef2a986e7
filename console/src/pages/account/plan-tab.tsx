import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { useCall } from '../../api/use-call.ts';
import { quoteFilterValue, readId } from '../../format/resource-names.ts';
import { writeResourceUrl } from '../../format/urls.ts';
import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import type { PlanChangeJson } from '../../generated/weir/admin/v1/plan_change_pb.js';
import { ConfirmDialog } from '../../ui/dialogs/confirm-dialog.tsx';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Time } from '../../ui/time.tsx';
import { ChangePlanForm } from './change-plan-form.tsx';

interface Props {
  readonly account: AccountJson;
  readonly onChange: () => void;
}

/** The plan of an account: the present one, a scheduled change, and a change with a preview. */
export function PlanTab({ account, onChange }: Props) {
  const { name = '', plan = '' } = account;
  const filter = `account = ${quoteFilterValue(name)}`;
  const { data, error, isLoading, reload } = useCall('AccountService.listPlanChanges', { filter });
  const change = () => {
    reload();
    onChange();
  };
  const scheduled = data?.planChanges?.find((planChange) => planChange.name === name);
  return (
    <>
      <Progress isLoading={isLoading} />
      <h2>Present plan</h2>
      <p>
        <a href={writeResourceUrl(plan)}>{readId(plan)}</a>
      </p>
      <ErrorMessage error={error} />
      {scheduled !== undefined && <ScheduledChange planChange={scheduled} onCancelled={change} />}
      <h2>Change the plan</h2>
      <ChangePlanForm account={account} onChange={change} />
    </>
  );
}

interface ScheduledProps {
  readonly planChange: PlanChangeJson;
  readonly onCancelled: () => void;
}

function ScheduledChange({ planChange: { name = '', plan, effectiveTime, counters }, onCancelled }: ScheduledProps) {
  const [isCancelling, setCancelling] = useState(false);
  const cancel = async () => {
    await call('AccountService.cancelPlanChange', { name });
    onCancelled();
  };
  const change = (
    <>
      The plan changes to {readId(plan)} at <Time at={effectiveTime} />.
    </>
  );
  return (
    <>
      <h2>Scheduled change</h2>
      <p>
        {change} {counters === 'RESET' ? 'The counters are reset then.' : 'The counters continue.'}
      </p>
      <button type="button" onClick={() => setCancelling(true)}>
        Cancel the change
      </button>
      {isCancelling && (
        <ConfirmDialog
          title="Cancel the scheduled change"
          action="Cancel the change"
          act={cancel}
          onClose={() => setCancelling(false)}
        >
          <p>{change} If you cancel it, the account stays on its present plan.</p>
        </ConfirmDialog>
      )}
    </>
  );
}
