import { useState } from 'preact/hooks';
import { usePages } from '../../api/use-pages.ts';
import { describeLimit } from '../../format/describe-limit.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import { readId } from '../../format/resource-names.ts';
import { writeResourceUrl } from '../../format/urls.ts';
import type { LimitJson } from '../../generated/weir/admin/v1/limit_pb.js';
import type { PlanJson } from '../../generated/weir/admin/v1/plan_service_pb.js';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Page } from '../../ui/page.tsx';
import { Warnings } from '../../ui/warnings.tsx';
import { CreatePlanDialog } from './create-plan-dialog.tsx';

const CREATE = writeGrpcurl('PlanService/CreatePlan', {
  planId: 'business',
  plan: { displayName: 'Business', limits: [{ name: 'minute', requests: 100, window: '60s' }] },
});
const COLUMNS: readonly Column<PlanJson>[] = [
  { title: 'Plan', cell: ({ name = '' }) => <a href={writeResourceUrl(name)}>{readId(name)}</a> },
  { title: 'Name', cell: ({ displayName }) => displayName },
  { title: 'Limits', cell: ({ limits = [] }) => <LimitLines limits={limits} /> },
  { title: 'Features', cell: ({ features = [] }) => features.join(', ') || '–' },
  { title: 'API keys of an account', isNumber: true, cell: ({ maxApiKeys }) => maxApiKeys ?? 'any number' },
];

/** All plans. */
export function PlansPage() {
  const list = usePages('PlanService.listPlans', {});
  const [isCreating, setCreating] = useState(false);
  const [created, setCreated] = useState<PlanJson>();
  const plans = list.pages.flatMap((page) => page.plans ?? []);
  const actions = (
    <button type="button" class="primary" onClick={() => setCreating(true)}>
      Create a plan
    </button>
  );
  const onCreated = (plan: PlanJson) => {
    setCreated(plan);
    list.reload();
  };
  return (
    <Page title="Plans" error={list.error} isLoading={list.isLoading} actions={actions}>
      <Warnings warnings={created?.warnings} />
      <PagedList list={list} count={plans.length} emptyText="There is no plan. This creates one:" command={CREATE}>
        <DataTable caption="Plans" rows={plans} rowKey={({ name = '' }) => name} columns={COLUMNS} />
      </PagedList>
      {isCreating && <CreatePlanDialog onCreated={onCreated} onClose={() => setCreating(false)} />}
    </Page>
  );
}

function LimitLines({ limits }: { readonly limits: readonly LimitJson[] }) {
  return (
    <ul class="plain-list">
      {limits.map((limit) => (
        <li key={limit.name}>{describeLimit(limit)}</li>
      ))}
    </ul>
  );
}
