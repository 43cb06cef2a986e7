import { useCall } from '../../api/use-call.ts';
import { describeLimit } from '../../format/describe-limit.ts';
import { formatCount } from '../../format/numbers.ts';
import type { LimitPreviewJson, PreviewPlanChangeRequestJson } from '../../generated/weir/admin/v1/plan_change_pb.js';
import { Badge } from '../../ui/badges/badge.tsx';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Time } from '../../ui/time.tsx';

const COLUMNS: readonly Column<LimitPreviewJson>[] = [
  {
    title: 'Limit of the new plan',
    cell: ({ limit = {} }) => <LimitName name={limit.name} text={describeLimit(limit)} />,
  },
  { title: 'Used now', isNumber: true, cell: ({ used }) => formatCount(used) },
  { title: 'Left after the change', isNumber: true, cell: ({ remaining }) => formatCount(remaining) },
  { title: 'Present usage', cell: ({ continuation }) => <Continuation continuation={continuation} /> },
];

function LimitName({ name, text }: { readonly name: string | undefined; readonly text: string }) {
  return (
    <>
      <code>{name}</code>
      <br />
      {text}
    </>
  );
}

function Continuation({ continuation }: { readonly continuation: LimitPreviewJson['continuation'] }) {
  if (continuation === 'CONTINUES') return <Badge tone="neutral" text="counts" />;
  return <Badge tone="warning" text="starts at zero" />;
}

/** What an account would have left of each limit of another plan. */
export function PlanPreview({ request }: { readonly request: PreviewPlanChangeRequestJson }) {
  const { data, error, isLoading } = useCall('AccountService.previewPlanChange', request);
  const limits = data?.limits ?? [];
  return (
    <>
      <Progress isLoading={isLoading} />
      <h3>Preview</h3>
      <ErrorMessage error={error} />
      {data !== undefined && (
        <p>
          The plan would change at <Time at={data.effectiveTime} />.{' '}
          {limits.length === 0 && 'The new plan has no limit that counts.'}
        </p>
      )}
      {limits.length > 0 && (
        <DataTable
          caption="Preview of the limits"
          columns={COLUMNS}
          rows={limits}
          rowKey={({ limit }) => limit?.name ?? ''}
        />
      )}
    </>
  );
}
