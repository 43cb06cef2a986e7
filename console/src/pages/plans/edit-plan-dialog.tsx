import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/use-action.ts';
import { listChangedFields } from '../../format/list-changed-fields.ts';
import type { PlanJson, PreviewPlanResponseJson } from '../../generated/weir/admin/v1/plan_service_pb.js';
import { Dialog } from '../../ui/dialogs/dialog.tsx';
import { FormFields } from '../../ui/forms/form-fields.tsx';
import { describePlanEdit } from './describe-plan-edit.ts';
import { PlanFields } from './plan-fields.tsx';
import { type PlanForm, toPlan, toPlanForm } from './plan-form.ts';
import { PlanPreview } from './plan-preview.tsx';

interface Props {
  readonly plan: PlanJson;
  readonly onSaved: () => void;
  readonly onClose: () => void;
}

/** Changes a plan. It can be saved once a preview has shown what exactly this edit would change. */
export function EditPlanDialog({ plan, onSaved, onClose }: Props) {
  const [before] = useState(() => toPlanForm(plan));
  const [form, setForm] = useState(before);
  const [preview, setPreview] = useState<{ readonly form: PlanForm; readonly response: PreviewPlanResponseJson }>();
  const updateMask = listChangedFields(before, form).join(',');
  const edited = { ...toPlan(form), name: plan.name ?? '', etag: plan.etag ?? '' };
  const show = useAction(async () => {
    setPreview({ form, response: await call('PlanService.previewPlan', { plan: edited, updateMask }) });
  });
  const save = useAction(() => call('PlanService.updatePlan', { plan: edited, updateMask }));
  const error = show.error ?? save.error;
  const isPreviewed = preview?.form === form;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void show.run();
  };
  const finish = async () => {
    if (!(await save.run())) return;
    onSaved();
    onClose();
  };
  return (
    <Dialog title="Edit the plan" onClose={onClose}>
      <form onSubmit={submit}>
        <FormFields error={error}>
          <PlanFields form={form} onForm={setForm} error={error} />
        </FormFields>
        {isPreviewed && <PlanPreview changes={describePlanEdit(plan, edited)} preview={preview.response} />}
        <p class="actions">
          <button type="submit" disabled={updateMask === '' || show.isRunning}>
            Preview
          </button>
          <button type="button" class="primary" disabled={!isPreviewed || save.isRunning} onClick={() => void finish()}>
            Save
          </button>
        </p>
      </form>
    </Dialog>
  );
}
