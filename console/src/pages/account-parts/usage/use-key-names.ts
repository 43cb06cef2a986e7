import { useCall } from '../../../api/use-call.ts';
import { quoteFilterValue, readId } from '../../../format/resource-names.ts';
import type { UsageGroupName } from './usage-controls.tsx';

/** The most that a page of ListApiKeys can have. Further keys are shown by their ids. */
const MAX_KEYS = 1000;
const WITHOUT: Readonly<Record<UsageGroupName, string>> = {
  '': '',
  key: 'without a key',
  route: 'without a route',
  plan: 'without a plan',
};

/** Returns a function that names keys, routes and plans for people to read. Loads the names of keys if they are needed. */
export function useKeyNames(account: string, group: UsageGroupName): (key: string) => string {
  const request = { filter: `account = ${quoteFilterValue(account)}`, pageSize: MAX_KEYS, showDeleted: true };
  const { data } = useCall('ApiKeyService.listApiKeys', group === 'key' ? request : undefined);
  const names = new Map((data?.apiKeys ?? []).map(({ name = '', displayName = '' }) => [name, displayName]));
  return (key) => {
    if (key === '') return WITHOUT[group];
    return names.get(key) || (group === 'route' ? key : readId(key));
  };
}
