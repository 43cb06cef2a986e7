import type { AccountEntity } from '../../database/entities/account-entity.ts';
import { parseDuration } from '../../domain/limits/duration.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import { Account } from '../../generated/weir/admin/v1/account.ts';
import type { BlockAccountRequest, CreateAccountRequest } from '../../generated/weir/admin/v1/account_service.ts';
import { checkDisplayName, checkText, readUpdateMask } from '../fields/common-fields.ts';
import { isPlainEmail } from '../fields/email.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { checkNewPassword } from '../fields/passwords.ts';
import { isResourceId, readResourceName } from '../fields/resource-names.ts';

/** The plan of an account that is created without one. */
const DEFAULT_PLAN = 'plans/free';
/** Characters of `disable_reason` and `reason`. */
const MAX_REASON_LENGTH = 500;

/** The columns of an account that administrators set. */
type AccountFields = Pick<AccountEntity, 'email' | 'displayName' | 'role' | 'planId' | 'disabled' | 'disableReason'>;

/** The values of an account to create. */
export interface NewAccount extends AccountFields {
  /** Undefined: Weir generates the id. */
  readonly id: string | undefined;
  /** Undefined: nobody can sign in with a password. */
  readonly password: string | undefined;
}

/** Stands for the account of a request that has none: no field is set. */
export const EMPTY_ACCOUNT: Account = Account.create();

/** The values of an account to create. Throws `invalid` with all faults of the request. */
export async function readNewAccount({
  accountId,
  account = EMPTY_ACCOUNT,
  password,
}: CreateAccountRequest): Promise<NewAccount> {
  const violations = new FieldViolations();
  if (accountId !== '' && !isResourceId('accounts', accountId)) {
    const expected = 'must be empty, or 1 to 63 characters of a-z, 0-9 and "-", not starting with "-"';
    violations.add('account_id', withFound(expected, accountId));
  }
  const reader = new FieldReader(violations, account);
  const fields = {
    email: reader.email(),
    displayName: reader.displayName(),
    role: account.role === '' ? ('user' as const) : reader.role(),
    planId: reader.planId(account.plan === '' ? DEFAULT_PLAN : account.plan),
    disabled: account.disabled,
    disableReason: reader.disableReason(),
  };
  if (!account.disabled && account.disableReason !== '') violations.add('account.disable_reason', NOT_DISABLED);
  if (password !== '') await checkNewPassword(violations, 'password', password, account.email);
  if (password !== '' && account.email === '') {
    violations.add('password', 'must be empty for an account without an e-mail address');
  }
  violations.throwIfAny();
  return { ...fields, id: accountId === '' ? undefined : accountId, password: password === '' ? undefined : password };
}

export const NOT_DISABLED = 'must be empty unless the account is disabled';

/** The changes of an update: the fields that its mask names, or without a mask those that are set. */
export function readAccountChanges(account: Account, updateMask: string): Partial<AccountFields> {
  const violations = new FieldViolations();
  readResourceName(violations, 'accounts', 'account.name', account.name);
  const updated = readUpdateMask(violations, updateMask, {
    email: account.email !== '',
    displayName: account.displayName !== '',
    role: account.role !== '',
    plan: account.plan !== '',
    disabled: account.disabled,
    disableReason: account.disableReason !== '',
  });
  const reader = new FieldReader(violations, account);
  const changes = {
    ...(updated.has('email') && { email: reader.email() }),
    ...(updated.has('displayName') && { displayName: reader.displayName() }),
    ...(updated.has('role') && { role: reader.role() }),
    ...(updated.has('plan') && { planId: reader.planId(account.plan) }),
    ...(updated.has('disabled') && { disabled: account.disabled }),
    ...(updated.has('disableReason') && { disableReason: reader.disableReason() }),
  };
  violations.throwIfAny();
  return changes;
}

/** The block that a request asks for. */
export function readBlock({ name, duration, reason }: BlockAccountRequest) {
  const violations = new FieldViolations();
  readResourceName(violations, 'accounts', 'name', name);
  const seconds = parseDuration(duration);
  if (seconds === undefined) {
    const expected = 'must be a whole number and a unit, such as 30s, 5m or 1d, and at most 3650d';
    violations.add('duration', withFound(expected, duration));
  }
  checkText(violations, 'reason', reason, MAX_REASON_LENGTH);
  violations.throwIfAny();
  return { seconds: seconds ?? 0, reason };
}

/** Reads the fields of an account in the form in which they are stored, and adds a violation for each that is invalid. */
class FieldReader {
  readonly #violations: FieldViolations;
  readonly #account: Account;

  constructor(violations: FieldViolations, account: Account) {
    this.#violations = violations;
    this.#account = account;
  }

  /** Null: the account has no address. The description never repeats one, because it is personal data. */
  email(): string | null {
    const { email } = this.#account;
    if (email === '') return null;
    if (!isPlainEmail(email)) this.#violations.add('account.email', 'must be empty or an e-mail address');
    return email.toLowerCase();
  }

  displayName(): string {
    checkDisplayName(this.#violations, 'account.display_name', this.#account.displayName);
    return this.#account.displayName;
  }

  role(): AccountEntity['role'] {
    const { role } = this.#account;
    if (role === 'admin' || role === 'user') return role;
    this.#violations.add('account.role', withFound('must be admin or user', role));
    return 'user';
  }

  planId(plan: string): string {
    return readResourceName(this.#violations, 'plans', 'account.plan', plan);
  }

  disableReason(): string {
    checkText(this.#violations, 'account.disable_reason', this.#account.disableReason, MAX_REASON_LENGTH);
    return this.#account.disableReason;
  }
}
