import { expect, test } from 'vitest';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { RevocationRow } from '../feed/catalog-rows.ts';
import { Revocations } from './revocations.ts';

const ISSUED = Date.UTC(2026, 10, 1);

const token = (with_: Partial<VerifiedToken> = {}): VerifiedToken => ({
  issuerId: undefined,
  tokenId: 't1',
  sessionId: 's1',
  accountId: 'a1',
  planId: undefined,
  limits: [],
  features: [],
  isAdmin: false,
  issuedAt: ISSUED,
  notBefore: undefined,
  expiresAt: ISSUED + 1000,
  ...with_,
});
const row = (kind: RevocationRow['kind'], value: string, with_: Partial<RevocationRow> = {}): RevocationRow => {
  return { issuerId: null, kind, value, issuedBefore: null, ...with_ };
};

function revoked(rows: readonly RevocationRow[], asked: VerifiedToken): boolean {
  const revocations = new Revocations();
  for (const [index, each] of rows.entries()) revocations.apply(String(index), each);
  return revocations.has(asked);
}

test('a token is revoked by its id, its session or its account', () => {
  expect(revoked([], token())).toBe(false);
  expect(revoked([row('token', 't1')], token())).toBe(true);
  expect(revoked([row('session', 's1')], token())).toBe(true);
  expect(revoked([row('account', 'a1')], token())).toBe(true);
  expect(revoked([row('token', 's1'), row('session', 'a1'), row('account', 't1')], token())).toBe(false);
});

test('a revocation names the tokens of one issuer', () => {
  expect(revoked([row('token', 't1', { issuerId: 'other' })], token())).toBe(false);
  expect(revoked([row('token', 't1')], token({ issuerId: 'other' }))).toBe(false);
  expect(revoked([row('token', 't1', { issuerId: 'other' })], token({ issuerId: 'other' }))).toBe(true);
});

test('of an account those are revoked that were issued before, or do not say when', () => {
  const before = (issuedBefore: number) => [row('account', 'a1', { issuedBefore })];
  expect(revoked(before(ISSUED), token())).toBe(false);
  expect(revoked(before(ISSUED + 1), token())).toBe(true);
  expect(revoked(before(ISSUED - 1), token({ issuedAt: undefined }))).toBe(true);
});

test('what is taken back counts no more, and another of the same token goes on counting', () => {
  const revocations = new Revocations();
  revocations.apply('1', row('token', 't1'));
  revocations.apply('2', row('token', 't1'));
  revocations.apply('1', null);
  expect(revocations.has(token())).toBe(true);
  revocations.apply('2', row('token', 't2'));
  expect(revocations.has(token())).toBe(false);
});
