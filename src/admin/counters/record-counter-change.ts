import { recordChange } from '../../database/audit/current-call.ts';
import type { FieldChange } from '../../domain/audit-event.ts';
import type { CounterChange, CounterSelection, CounterSelector } from '../../domain/counting/counter-admin.ts';

/** Records a change of counters in the audit trail. Redis has no triggers. */
export function recordCounterChange({ selector, limit }: CounterSelection, change: CounterChange): void {
  const fields = {
    ...(selector.kind === 'descriptor' && { entries: selector.entries }),
    ...(limit !== '' && { limit }),
    ...(change.kind === 'block' && { duration: `${change.microseconds / 1_000_000}s` }),
    ...(change.kind === 'add_credits' && { credits: change.credits }),
  };
  const changes = Object.entries(fields).map(([field, newValue]): FieldChange => ({ field, newValue }));
  recordChange(nameSubject(selector), changes);
}

function nameSubject(selector: CounterSelector): string {
  switch (selector.kind) {
    case 'descriptor':
      return `domains/${selector.domain}`;
    case 'api_key':
      return `apiKeys/${selector.id}`;
    case 'account':
      return `accounts/${selector.id}`;
    case 'token':
      return nameTokenAccount(selector.token.issuerId, selector.token.accountId);
    case 'token_account':
      return nameTokenAccount(selector.issuerId, selector.account);
  }
}

function nameTokenAccount(issuerId: string | undefined, account: string): string {
  return `${issuerId === undefined ? '' : `issuers/${issuerId}/`}accounts/${account}`;
}
