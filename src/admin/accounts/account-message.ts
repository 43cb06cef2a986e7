import type { AccountEntity } from '../../database/entities/account-entity.ts';
import type { Account } from '../../generated/weir/admin/v1/account.ts';
import { formatEtag } from '../fields/etag.ts';

export function toAccountMessage(row: AccountEntity): Account {
  const { blockExpireTime } = row;
  const isBlocked = blockExpireTime !== null && blockExpireTime > new Date();
  return {
    name: `accounts/${row.id}`,
    email: row.email ?? '',
    displayName: row.displayName,
    role: row.role,
    plan: `plans/${row.planId}`,
    disabled: row.disabled,
    disableReason: row.disableReason,
    blockExpireTime: isBlocked ? blockExpireTime : undefined,
    blockReason: isBlocked ? row.blockReason : '',
    emailVerified: row.emailVerified,
    lastSignInTime: row.lastSignInTime ?? undefined,
    createTime: row.createTime,
    updateTime: row.updateTime,
    deleteTime: row.deleteTime ?? undefined,
    etag: formatEtag(row),
    pendingEmail: row.pendingEmail ?? '',
    totpEnabled: row.totpEnableTime !== null,
  };
}
