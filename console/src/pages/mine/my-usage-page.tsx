import { readId } from '../../format/resource-names.ts';
import { useViewer } from '../../shell/viewer.ts';
import { Page } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import { AccountBadges, isBlocked } from '../account-parts/account-badges.tsx';
import { LazyUsageHistory } from '../account-parts/usage/lazy-usage-history.tsx';
import { UsageNow } from '../account-parts/usage-now.tsx';

/** The holder's own account: what is left of its limits, and its usage. */
export function MyUsagePage() {
  const account = useViewer();
  const { name = '', plan, blockExpireTime, blockReason } = account;
  return (
    <Page title="Usage and limits">
      <p>
        Plan {readId(plan)} <AccountBadges account={account} />
      </p>
      {isBlocked(account) && (
        <p class="message message-warning">
          The account is blocked until <Time at={blockExpireTime} />. {blockReason}
        </p>
      )}
      <UsageNow name={name} />
      <h2>Usage over time</h2>
      <LazyUsageHistory account={name} />
    </Page>
  );
}
