import { readId } from '../../format/resource-names.ts';
import { writeResourceUrl } from '../../format/urls.ts';
import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import { DetailsList } from '../../ui/details-list.tsx';
import { Time } from '../../ui/time.tsx';
import { isBlocked } from '../account-parts/account-badges.tsx';
import { UsageNow } from '../account-parts/usage-now.tsx';

/** What Weir knows about an account, and how much of its limits is used now. */
export function AccountDetails({ account }: { readonly account: AccountJson }) {
  const { name = '', email, pendingEmail, emailVerified, plan = '', totpEnabled } = account;
  return (
    <>
      <h2>Details</h2>
      <DetailsList
        entries={[
          ['E-mail address', email ?? '–'],
          ['Address verified', emailVerified ? 'yes' : 'no'],
          ...(pendingEmail === undefined ? [] : [['Address to be verified', pendingEmail] as const]),
          ['Name', account.displayName ?? '–'],
          ['Role', account.role],
          [
            'Plan',
            <a key="plan" href={writeResourceUrl(plan)}>
              {readId(plan)}
            </a>,
          ],
          ['Second factor', totpEnabled ? 'on' : 'off'],
          ['Last sign-in', <Time key="sign-in" at={account.lastSignInTime} />],
          ['Created', <Time key="created" at={account.createTime} />],
          ['Updated', <Time key="updated" at={account.updateTime} />],
          ...(account.disabled ? [['Disabled because', account.disableReason ?? 'no reason was given'] as const] : []),
          ...(isBlocked(account) ? listBlock(account) : []),
        ]}
      />
      <UsageNow name={name} />
    </>
  );
}

function listBlock({ blockExpireTime, blockReason }: AccountJson) {
  return [
    ['Blocked until', <Time key="until" at={blockExpireTime} />] as const,
    ['Blocked because', blockReason ?? 'no reason was given'] as const,
  ];
}
