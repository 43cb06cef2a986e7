import { useRoute } from 'preact-iso';
import { useCall } from '../../api/use-call.ts';
import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import { Page } from '../../ui/page.tsx';
import { Tabs, useTab } from '../../ui/tabs.tsx';
import { AccountBadges } from '../account-parts/account-badges.tsx';
import { KeysList } from '../account-parts/keys-list.tsx';
import { SessionsList } from '../account-parts/sessions-list.tsx';
import { LazyUsageHistory } from '../account-parts/usage/lazy-usage-history.tsx';
import { AccountActions } from './account-actions.tsx';
import { AccountAudit } from './account-audit.tsx';
import { AccountDetails } from './account-details.tsx';
import { AccountRequests } from './account-requests.tsx';
import { DevicesList } from './devices-list.tsx';
import { PlanTab } from './plan-tab.tsx';

const TABS = [
  ['details', 'Details and limits'],
  ['usage', 'Usage'],
  ['plan', 'Plan'],
  ['keys', 'Keys'],
  ['sessions', 'Sessions'],
  ['devices', 'Devices'],
  ['requests', 'Requests'],
  ['audit', 'Audit'],
] as const;

/** An account, for administrators. What a tab shows loads when the tab is opened. */
export function AccountPage() {
  const { id = '' } = useRoute().params;
  return <OneAccount key={id} name={`accounts/${id}`} />;
}

function OneAccount({ name }: { readonly name: string }) {
  const { data: account, error, isLoading, reload } = useCall('AccountService.getAccount', { name });
  const title = account?.displayName || account?.email || name;
  const actions = account !== undefined && <AccountActions account={account} onChange={reload} />;
  return (
    <Page title={title} actions={actions} error={error} isLoading={isLoading}>
      {account !== undefined && (
        <>
          <p>
            <code>{name}</code> <AccountBadges account={account} />
          </p>
          <Tabs label="Parts of the account" tabs={TABS} />
          <AccountTab account={account} onChange={reload} />
        </>
      )}
    </Page>
  );
}

interface TabProps {
  readonly account: AccountJson;
  readonly onChange: () => void;
}

function AccountTab({ account, onChange }: TabProps) {
  const { name = '' } = account;
  switch (useTab(TABS)) {
    case 'usage':
      return <LazyUsageHistory account={name} />;
    case 'plan':
      return <PlanTab account={account} onChange={onChange} />;
    case 'keys':
      return <KeysList account={name} />;
    case 'sessions':
      return <SessionsList account={name} />;
    case 'devices':
      return <DevicesList account={name} />;
    case 'requests':
      return <AccountRequests account={name} />;
    case 'audit':
      return <AccountAudit account={name} />;
    default:
      return <AccountDetails account={account} />;
  }
}
