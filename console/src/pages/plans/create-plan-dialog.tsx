import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import type { PlanJson } from '../../generated/weir/admin/v1/plan_service_pb.js';
import { FormDialog } from '../../ui/dialogs/form-dialog.tsx';
import { Field } from '../../ui/forms/field.tsx';
import { PlanFields } from './plan-fields.tsx';
import { NEW_PLAN_FORM, toPlan } from './plan-form.ts';

interface Props {
  /** Gets the plan, with Weir's warnings about it. */
  readonly onCreated: (plan: PlanJson) => void;
  readonly onClose: () => void;
}

/** Creates a plan. */
export function CreatePlanDialog({ onCreated, onClose }: Props) {
  const [planId, setPlanId] = useState('');
  const [form, setForm] = useState(NEW_PLAN_FORM);
  const create = async () => onCreated(await call('PlanService.createPlan', { planId, plan: toPlan(form) }));
  return (
    <FormDialog title="Create a plan" action="Create plan" act={create} onClose={onClose}>
      {(error) => (
        <>
          <Field
            label="Id"
            required
            placeholder="business"
            hint="Letters a-z, digits and -. It cannot be changed later."
            value={planId}
            onValue={setPlanId}
            error={error}
            field="plan_id"
          />
          <PlanFields form={form} onForm={setForm} error={error} />
        </>
      )}
    </FormDialog>
  );
}
