import { useCall } from '../../api/use-call.ts';
import type { LimitUsageJson } from '../../generated/weir/admin/v1/usage_service_pb.js';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { LimitUsageTable } from '../../ui/limits/limit-usage-table.tsx';
import { Progress } from '../../ui/progress.tsx';
import { TotalsTable } from './totals-table.tsx';

const POLL_MS = 10_000;

interface Props {
  /** An account or API key, such as `accounts/acme`. */
  readonly name: string;
}

/** How much of each limit of an account or API key is used now, and its usage of today and of this month. */
export function UsageNow({ name }: Props) {
  const { data, error, isLoading } = useCall('UsageService.getUsage', { name: `${name}/usage` }, { pollMs: POLL_MS });
  return (
    <>
      <Progress isLoading={isLoading} />
      <h2>Limits now</h2>
      <ErrorMessage error={error} />
      {data !== undefined && <Limits limits={data.limits ?? []} isAccount={name.startsWith('accounts/')} />}
      {data !== undefined && (
        <>
          <h2>Usage so far</h2>
          <TotalsTable
            caption="Usage so far"
            first={{ title: 'Period, in UTC', cell: ({ key }) => key }}
            rows={[
              { key: 'Today', totals: data.today ?? {} },
              { key: 'This month', totals: data.thisMonth ?? {} },
            ]}
          />
          <h2>Features</h2>
          <p>{data.features?.join(', ') || 'none'}</p>
        </>
      )}
    </>
  );
}

function Limits({ limits, isAccount }: { readonly limits: readonly LimitUsageJson[]; readonly isAccount: boolean }) {
  const hasLimitsPerKey = limits.some(({ limit }) => limit?.per !== 'account' && limit?.algorithm !== 'unlimited');
  return (
    <>
      <LimitUsageTable limits={limits} />
      {isAccount && hasLimitsPerKey && (
        <p class="hint">
          Each API key counts limits that the account does not share on its own. For these, this table shows what tokens
          of the account have used. Open a key to see what it has used.
        </p>
      )}
    </>
  );
}
