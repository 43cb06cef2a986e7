import { describeLimit } from '../../format/describe-limit.ts';
import { formatCount } from '../../format/numbers.ts';
import type {
  GetTokenInfoResponseJson,
  LimitRemainingJson,
} from '../../generated/weir/admin/v1/token_info_service_pb.js';
import { Badge, type Tone } from '../../ui/badges/badge.tsx';
import { DetailsList } from '../../ui/details-list.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { Time } from '../../ui/time.tsx';
import { ResourceLink } from '../keys/keys-table.tsx';

const STATES: Readonly<Record<string, readonly [text: string, tone: Tone]>> = {
  STATE_VALID: ['valid', 'good'],
  STATE_EXPIRED: ['expired', 'bad'],
  STATE_DISABLED: ['disabled or revoked', 'bad'],
  STATE_UNKNOWN: ['unknown, or not valid yet', 'bad'],
  STATE_ACCOUNT_DISABLED: ['its account is disabled', 'bad'],
  STATE_ACCOUNT_BLOCKED: ['its account is blocked', 'bad'],
};
const COLUMNS: readonly Column<LimitRemainingJson>[] = [
  { title: 'Limit', cell: ({ limit }) => <code>{limit}</code> },
  { title: 'Remaining', isNumber: true, cell: ({ remaining }) => formatCount(remaining) },
  { title: 'All free again', cell: ({ resetTime }) => <Time at={resetTime} /> },
];

/** What Weir knows of a key or token. */
export function TokenInfo({ info }: { readonly info: GetTokenInfoResponseJson }) {
  const { state = 'STATE_UNSPECIFIED', limits = [], features = [], remaining = [] } = info;
  const [text, tone] = STATES[state] ?? [state, 'neutral'];
  return (
    <div role="status">
      <DetailsList
        entries={[
          ['State', <Badge key="state" tone={tone} text={text} />],
          ['API key', <ResourceLink key="key" name={info.apiKey} empty="none" />],
          ['Account', <AccountLink key="account" account={info.account} />],
          ['Plan', <ResourceLink key="plan" name={info.plan} empty="none" />],
          ['Role', info.role || 'none'],
          ['Id (jti)', info.tokenId || 'none'],
          ['Expires', <Time key="expires" at={info.expireTime} />],
          ['Blocked until', <Time key="blocked" at={info.blockExpireTime} />],
          ['Features', features.join(', ') || 'none'],
          ['Limits', limits.map(describeLimit).join('; ') || 'none'],
        ]}
      />
      {remaining.length > 0 && (
        <DataTable
          caption="Remaining of each limit"
          rows={remaining}
          rowKey={({ limit = '' }) => limit}
          columns={COLUMNS}
        />
      )}
    </div>
  );
}

/** Tokens can name accounts that are not in the catalog, which have no page. */
function AccountLink({ account = '' }: { readonly account: string | undefined }) {
  return account.startsWith('accounts/') ? (
    <ResourceLink name={account} empty="none" />
  ) : (
    <span>{account || 'none'}</span>
  );
}
