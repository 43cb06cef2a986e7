import { ApiError } from '../../domain/api-error.ts';
import { decodeAccount } from '../../domain/device.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { Caller } from '../callers/caller.ts';
import type { FieldViolations } from '../fields/field-violations.ts';
import { mayRead } from './find-usage-owner.ts';

const ALL_ACCOUNTS = '-';
/** Accounts of issuers can have any characters, which are escaped in names. */
const PARENT = /^accounts\/([^/]+)$/;

/**
 * Reads whose usage a request means: the account as rows of usage have it. undefined: all accounts, or a violation was
 * added. Throws `forbidden` or `not_found` if the caller may not read it.
 */
export function readUsageParent(violations: FieldViolations, parent: string, caller: Caller): string | undefined {
  const [, encoded = ''] = PARENT.exec(parent) ?? [];
  const accountId = encoded === '' ? undefined : decodeAccount(encoded);
  if (accountId === undefined) {
    violations.add('parent', withFound('must be a resource name of the form accounts/{id}, or accounts/-', parent));
    return undefined;
  }
  if (accountId === ALL_ACCOUNTS) {
    if (!caller.isAdmin) throw new ApiError({ kind: 'forbidden' });
    return undefined;
  }
  if (!mayRead(caller, accountId)) throw new ApiError({ kind: 'not_found', name: parent });
  return encoded;
}
