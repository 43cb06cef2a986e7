import { useState } from 'preact/hooks';
import { useLocation, useRoute } from 'preact-iso';
import { call } from '../../api/call.ts';
import { useCall } from '../../api/use-call.ts';
import { formatCount } from '../../format/numbers.ts';
import type { PlanJson } from '../../generated/weir/admin/v1/plan_service_pb.js';
import { DetailsList } from '../../ui/details-list.tsx';
import { ConfirmDialog } from '../../ui/dialogs/confirm-dialog.tsx';
import { DialogButtons } from '../../ui/dialogs/dialog-buttons.tsx';
import { Page } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import { EditPlanDialog } from './edit-plan-dialog.tsx';
import { PlanLimitsTable } from './plan-limits-table.tsx';
import { PlanAccounts, PlanKeys } from './plan-members.tsx';

type OpenDialog = 'edit' | 'delete';

const BUTTONS = [
  ['edit', 'Edit'],
  ['delete', 'Delete'],
] as const;

/** One plan: its limits, and who is on it. */
export function PlanPage() {
  const { params } = useRoute();
  const { route } = useLocation();
  const name = `plans/${params.id}`;
  const { data: plan, error, isLoading, reload } = useCall('PlanService.getPlan', { name });
  const [open, setOpen] = useState<OpenDialog>();
  const close = () => setOpen(undefined);
  const remove = async () => {
    await call('PlanService.deletePlan', { name });
    route('/console/plans');
  };
  const title = plan?.displayName || `Plan ${params.id}`;
  const actions = plan !== undefined && <DialogButtons<OpenDialog> buttons={BUTTONS} onOpen={setOpen} />;
  return (
    <Page title={title} error={error} isLoading={isLoading} actions={actions}>
      {plan !== undefined && (
        <>
          <PlanDetails plan={plan} />
          <h2>Limits</h2>
          <PlanLimitsTable limits={plan.limits ?? []} />
          <PlanAccounts plan={name} />
          <PlanKeys plan={name} />
          {open === 'edit' && <EditPlanDialog plan={plan} onSaved={reload} onClose={close} />}
        </>
      )}
      {open === 'delete' && (
        <ConfirmDialog title="Delete plan?" action="Delete plan" act={remove} onClose={close}>
          <p>A plan that accounts, keys or issuers still use is not deleted. This cannot be undone.</p>
        </ConfirmDialog>
      )}
    </Page>
  );
}

function PlanDetails({ plan }: { readonly plan: PlanJson }) {
  const { name = '', displayName = '', features = [], maxApiKeys, maxDevices } = plan;
  // The preview of an update that changes nothing counts who is on the plan, and reads no counters.
  const { data: members } = useCall('PlanService.previewPlan', {
    plan: { name, displayName },
    updateMask: 'displayName',
  });
  return (
    <DetailsList
      entries={[
        ['Id', <code key="id">{name}</code>],
        ['Accounts on it', members === undefined ? '…' : formatCount(members.accountCount)],
        ['API keys on it', members === undefined ? '…' : formatCount(members.apiKeyCount)],
        ['Features', features.join(', ') || 'none'],
        ['API keys of an account', maxApiKeys === undefined ? 'any number' : formatCount(maxApiKeys)],
        ['Devices of an account', maxDevices === undefined ? 'any number' : formatCount(maxDevices)],
        ['Created', <Time key="created" at={plan.createTime} />],
        ['Changed', <Time key="changed" at={plan.updateTime} />],
      ]}
    />
  );
}
