import { writeResourceUrl } from '../../../format/urls.ts';
import type { UsageRowJson } from '../../../generated/weir/admin/v1/usage_service_pb.js';
import { TotalsTable } from '../totals-table.tsx';
import type { UsageGroup } from './sum-usage.ts';
import { USAGE_GROUPS, type UsageGroupName } from './usage-controls.tsx';
import type { UsageStep } from './usage-range.ts';

const FORMATS: Readonly<Record<UsageStep, Intl.DateTimeFormat>> = {
  hour: new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }),
  day: new Intl.DateTimeFormat(undefined, { dateStyle: 'full' }),
  month: new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'long' }),
};

interface RowsProps {
  readonly rows: readonly UsageRowJson[];
  readonly step: UsageStep;
}

/** The buckets that have usage, the newest first. */
export function UsageRowsTable({ rows, step }: RowsProps) {
  const newestFirst = rows.map(({ startTime = '', totals = {} }) => ({ key: startTime, totals })).reverse();
  return (
    <TotalsTable
      caption={`Usage by ${step}`}
      first={{
        title: { hour: 'Hour', day: 'Day', month: 'Month' }[step],
        cell: ({ key }) => <Bucket startTime={key} step={step} />,
      }}
      rows={newestFirst}
    />
  );
}

function Bucket({ startTime, step }: { readonly startTime: string; readonly step: UsageStep }) {
  const start = new Date(startTime);
  return (
    <time dateTime={startTime} title={start.toISOString()}>
      {FORMATS[step].format(start)}
    </time>
  );
}

interface GroupsProps {
  readonly groups: readonly UsageGroup[];
  readonly group: UsageGroupName;
  readonly nameOf: (key: string) => string;
}

/** The usage of each group in the whole time, the largest first. */
export function UsageGroupsTable({ groups, group, nameOf }: GroupsProps) {
  const title = USAGE_GROUPS.find(([name]) => name === group)?.[1] ?? '';
  const hasPage = (key: string) => group === 'key' && key !== '';
  return (
    <TotalsTable
      caption={`Usage by ${title}`}
      first={{
        title,
        cell: ({ key }) => (hasPage(key) ? <a href={writeResourceUrl(key)}>{nameOf(key)}</a> : nameOf(key)),
      }}
      rows={groups}
    />
  );
}
