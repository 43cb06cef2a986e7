import { joinConditions, quoteFilterValue } from '../../format/resource-names.ts';

/** Filters of the page, by their names in its URL. */
export const ACCOUNT_FILTERS = ['email', 'plan', 'role', 'state'] as const;

export type AccountFilterValues = Readonly<Record<(typeof ACCOUNT_FILTERS)[number], string>>;

/** Writes the filter of ListAccounts. Empty: all accounts. */
export function writeAccountFilter({ email, plan, role, state }: AccountFilterValues): string {
  return joinConditions([
    email === '' ? '' : `email : ${quoteFilterValue(email)}`,
    plan === '' ? '' : `plan = ${quoteFilterValue(plan)}`,
    role === '' ? '' : `role = ${quoteFilterValue(role)}`,
    state === 'enabled' || state === 'disabled' ? `disabled = ${state === 'disabled'}` : '',
  ]);
}
