import { writeGrpcurl } from '../../../format/grpcurl.ts';
import { useQueryState } from '../../../shell/use-query-state.ts';
import { ErrorMessage } from '../../../ui/error-message.tsx';
import { EmptyState } from '../../../ui/lists/empty-state.tsx';
import { Progress } from '../../../ui/progress.tsx';
import { sumUsageByGroup } from './sum-usage.ts';
import { MAX_GROUPS_IN_CHART, UsageChart } from './usage-chart.tsx';
import { readGroup, readStep, USAGE_VALUES, UsageControls } from './usage-controls.tsx';
import { chooseUsageRange, type UsageRange } from './usage-range.ts';
import { UsageGroupsTable, UsageRowsTable } from './usage-tables.tsx';
import { useKeyNames } from './use-key-names.ts';
import { useUsage } from './use-usage.ts';

const FIELDS = { '': undefined, key: 'apiKey', route: 'route', plan: 'plan' } as const;

/** The usage of an account by hour, day or month, as a chart and as a table. The choice is in the URL. */
export function UsageHistory({ account }: { readonly account: string }) {
  const state = useQueryState(USAGE_VALUES);
  const [group, step] = [readGroup(state), readStep(state)];
  const range = chooseUsageRange({ step, from: state.values.from, to: state.values.to, now: new Date() });
  const { rows, warnings, error, isLoading, isLoaded, isCutOff } = useUsage(account, range, group);
  const nameOf = useKeyNames(account, group);
  const field = FIELDS[group];
  const groups = field === undefined ? undefined : sumUsageByGroup(rows, (row) => row[field] ?? '');
  return (
    <>
      <Progress isLoading={isLoading} />
      <UsageControls state={state} />
      <ErrorMessage error={error} />
      {warnings.map((warning) => (
        <p key={warning} class="message message-warning">
          {warning}
        </p>
      ))}
      {isCutOff && <p class="message message-warning">There is more usage than fits here. Choose a shorter time.</p>}
      {isLoaded && rows.length === 0 && <NoUsage account={account} range={range} />}
      {rows.length > 0 && (
        <>
          <UsageChart range={range} rows={rows} groups={groups} nameOf={nameOf} />
          {groups !== undefined && groups.length > MAX_GROUPS_IN_CHART && (
            <p class="hint">The chart shows the {MAX_GROUPS_IN_CHART} with the most requests.</p>
          )}
          {groups === undefined ? (
            <UsageRowsTable rows={rows} step={step} />
          ) : (
            <UsageGroupsTable groups={groups} group={group} nameOf={nameOf} />
          )}
        </>
      )}
    </>
  );
}

function NoUsage({ account, range }: { readonly account: string; readonly range: UsageRange }) {
  return (
    <EmptyState
      text="No request was recorded in this time. Nodes write usage about once a minute. This reads the same numbers:"
      command={writeGrpcurl('UsageService/QueryUsage', {
        parent: account,
        startTime: range.start.toISOString(),
        endTime: range.end.toISOString(),
        step: range.step.toUpperCase(),
      })}
    />
  );
}
