import type { AccountJson } from '../../generated/weir/admin/v1/account_pb.js';
import { Badge, type Tone } from '../../ui/badges/badge.tsx';
import './account-badges.css';

/** The states of an account, such as `blocked`; `active` if it can be used. */
export function AccountBadges({ account }: { readonly account: AccountJson }) {
  const states = listStates(account);
  return (
    <span class="badges">
      {states.map(([text, tone]) => (
        <Badge key={text} tone={tone} text={text} />
      ))}
    </span>
  );
}

function listStates(account: AccountJson): readonly (readonly [string, Tone])[] {
  const { deleteTime, disabled, role } = account;
  const isAdministrator = role === 'admin' ? [['administrator', 'neutral'] as const] : [];
  if (deleteTime !== undefined) return [['deleted', 'bad']];
  if (disabled) return [['disabled', 'bad'], ...isAdministrator];
  return [isBlocked(account) ? ['blocked', 'warning'] : ['active', 'good'], ...isAdministrator];
}

/** Whether Check denies the keys of the account because of BlockAccount. */
export function isBlocked({ blockExpireTime }: AccountJson): boolean {
  return blockExpireTime !== undefined && Date.parse(blockExpireTime) > Date.now();
}
