import { describeLimit } from '../../format/describe-limit.ts';
import { readLimitSize } from '../../format/limit-size.ts';
import { formatCount } from '../../format/numbers.ts';
import type { LimitExplanationJson } from '../../generated/weir/admin/v1/explain_service_pb.js';
import { Badge } from '../../ui/badges/badge.tsx';
import { DataTable } from '../../ui/lists/data-table.tsx';
import { Time } from '../../ui/time.tsx';
import { UsageMeter } from '../../ui/usage-meter.tsx';

/** Why a limit counts or does not count the request. */
const USES: Readonly<Record<string, string>> = {
  USE_CHARGED: 'applies',
  USE_SHADOW: 'shadow mode: it counts, and rejects nothing',
  USE_REPLACED: 'does not apply: another matched rule replaces its rule',
  USE_OVERRIDDEN: 'does not apply: the request carries a limit of its own',
  USE_OTHER_ROUTE: 'does not apply: it counts other routes',
  USE_RATE_LIMIT_OFF: 'does not apply: the route turns it off, and the rate limit service charges it',
  USE_NOT_ALLOWED: 'does not apply: the key or account cannot be used',
  USE_UNLIMITED: 'unlimited: it counts nothing',
  USE_QUOTA: 'quota mode: it rejects only if all matched rules in quota mode do',
};
const COUNTING: ReadonlySet<string> = new Set(['USE_CHARGED', 'USE_SHADOW', 'USE_QUOTA']);

/** The limits of a request: those that are charged first, then the others and why they are not. */
export function LimitsTable({ limits }: { readonly limits: readonly LimitExplanationJson[] }) {
  return (
    <DataTable
      caption="Limits of the request"
      rows={limits}
      rowKey={({ label = '' }) => label}
      columns={[
        {
          title: 'Limit',
          cell: ({ label, limit = {} }) => <LimitName label={label ?? ''} text={describeLimit(limit)} />,
        },
        { title: 'Why', cell: ({ use = '' }) => USES[use] ?? use },
        { title: 'Verdict', cell: (limit) => <Verdict limit={limit} /> },
        { title: 'Costs', isNumber: true, cell: ({ hits, use = '' }) => (COUNTING.has(use) ? formatCount(hits) : '–') },
        { title: 'Used', cell: (limit) => <Used limit={limit} /> },
        { title: 'All free again', cell: ({ resetTime }) => <Time at={resetTime} /> },
      ]}
    />
  );
}

function LimitName({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <>
      <code>{label}</code>
      <br />
      {text}
    </>
  );
}

function Verdict({
  limit: { use = 'USE_UNSPECIFIED', exceeded, blocked, costExceedsLimit },
}: {
  readonly limit: LimitExplanationJson;
}) {
  if (!COUNTING.has(use)) return <Badge tone="neutral" text="not asked" />;
  if (costExceedsLimit) return <Badge tone="bad" text="never fits" />;
  if (blocked) return <Badge tone="bad" text="blocked" />;
  return exceeded ? <Badge tone="bad" text="exceeded" /> : <Badge tone="good" text="fits" />;
}

function Used({
  limit: { label = '', use = 'USE_UNSPECIFIED', limit = {}, remaining = '0' },
}: {
  readonly limit: LimitExplanationJson;
}) {
  const size = readLimitSize(limit);
  if (!COUNTING.has(use) || size === 0) return <>–</>;
  return <UsageMeter label={`Used of ${label}`} used={Math.max(0, size - Number(remaining))} limit={size} />;
}
