import { invalidArgument } from '../../domain/api-error.ts';
import type { CounterSelector } from '../../domain/counting/counter-admin.ts';
import { isClaimName } from '../../domain/tokens/token-claims.ts';
import { quoteFound } from '../../domain/validation/found-value.ts';
import type { CounterSubject, DescriptorSubject, TokenAccount } from '../../generated/weir/admin/v1/counter_service.ts';
import { type TokenVerificationOptions, verifyPresentedToken } from '../callers/verify-presented-token.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readResourceName, requireResourceName } from '../fields/resource-names.ts';
import { CLAIM_NAME_RULE } from '../tokens/token-revocation.ts';

/** Reads whose counters a request means. `peer` identifies the caller. Throws `invalid`, or why a token cannot be verified. */
export async function readSelector(
  message: CounterSubject | undefined,
  peer: string,
  options: TokenVerificationOptions,
): Promise<CounterSelector> {
  const subject = message?.subject;
  switch (subject?.$case) {
    case 'descriptor':
      return readDescriptor(subject.value);
    case 'apiKey':
      return { kind: 'api_key', id: requireResourceName('apiKeys', 'subject.api_key', subject.value) };
    case 'account':
      return { kind: 'account', id: requireResourceName('accounts', 'subject.account', subject.value) };
    case 'token':
      return readToken(subject.value, peer, options);
    case 'tokenAccount':
      return readTokenAccount(subject.value);
    case undefined:
      throw invalidArgument({
        field: 'subject',
        description: 'must be one of descriptor, api_key, account, token, token_account',
      });
  }
}

function readDescriptor({ domain, entries }: DescriptorSubject): CounterSelector {
  const violations = new FieldViolations();
  if (domain === '') violations.add('subject.descriptor.domain', 'must not be empty');
  if (entries.length === 0) violations.add('subject.descriptor.entries', 'must contain at least one entry');
  violations.throwIfAny();
  return { kind: 'descriptor', domain, entries };
}

/** A revoked token is accepted too: its account may have other tokens. */
async function readToken(text: string, peer: string, options: TokenVerificationOptions): Promise<CounterSelector> {
  const presented = await verifyPresentedToken(text, peer, options);
  if (presented.kind === 'verified') return { kind: 'token', token: presented.token };
  throw invalidArgument({
    field: 'subject.token',
    description: 'must be signed by a trusted key and must not have expired',
  });
}

function readTokenAccount({ account, issuer, plan }: TokenAccount): CounterSelector {
  const violations = new FieldViolations();
  if (!isClaimName(account)) violations.add('subject.token_account.account', CLAIM_NAME_RULE);
  const issuerId = readOptional(violations, 'issuers', 'subject.token_account.issuer', issuer);
  const planId = readOptional(violations, 'plans', 'subject.token_account.plan', plan);
  violations.throwIfAny();
  return { kind: 'token_account', account, issuerId, planId };
}

function readOptional(
  violations: FieldViolations,
  collection: 'issuers' | 'plans',
  field: string,
  name: string,
): string | undefined {
  return name === '' ? undefined : readResourceName(violations, collection, field, name);
}

/** Names the subject in the error that it does not exist. */
export function describeSelector(selector: CounterSelector): string {
  switch (selector.kind) {
    case 'descriptor':
      return `a rule of the domain ${quoteFound(selector.domain)} for these entries`;
    case 'api_key':
      return `apiKeys/${selector.id}`;
    case 'account':
      return `accounts/${selector.id}`;
    case 'token':
      return 'the plan of the token';
    case 'token_account':
      return 'the issuer or plan of the account; unless the catalog has its plan, set subject.token_account.plan';
  }
}
