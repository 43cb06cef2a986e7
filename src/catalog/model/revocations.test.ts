import { describe, expect, it } from 'vitest';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { RevocationRow } from '../feed/catalog-rows.ts';
import { Revocations } from './revocations.ts';

const ISSUED_AT = Date.UTC(2026, 10, 1);

function makeToken(fields: Partial<VerifiedToken> = {}): VerifiedToken {
  return {
    issuerId: undefined,
    tokenId: 't1',
    sessionId: 's1',
    accountId: 'a1',
    planId: undefined,
    limits: [],
    features: [],
    isAdmin: false,
    issuedAt: ISSUED_AT,
    notBefore: undefined,
    expiresAt: ISSUED_AT + 1000,
    ...fields,
  };
}

function makeRow(kind: RevocationRow['kind'], value: string, fields: Partial<RevocationRow> = {}): RevocationRow {
  return { issuerId: null, kind, value, issuedBefore: null, expiresAt: Date.now() + 60_000, ...fields };
}

function isRevoked(rows: readonly RevocationRow[], token: VerifiedToken): boolean {
  const revocations = new Revocations();
  for (const [index, row] of rows.entries()) revocations.apply(String(index), row);
  return revocations.has(token);
}

describe('a revocation', () => {
  it('revokes a token by its id, its session or its account', () => {
    expect(isRevoked([], makeToken())).toBe(false);
    expect(isRevoked([makeRow('token', 't1')], makeToken())).toBe(true);
    expect(isRevoked([makeRow('session', 's1')], makeToken())).toBe(true);
    expect(isRevoked([makeRow('account', 'a1')], makeToken())).toBe(true);
    const others = [makeRow('token', 's1'), makeRow('session', 'a1'), makeRow('account', 't1')];
    expect(isRevoked(others, makeToken())).toBe(false);
  });

  it('applies to the tokens of one issuer only', () => {
    expect(isRevoked([makeRow('token', 't1', { issuerId: 'other' })], makeToken())).toBe(false);
    expect(isRevoked([makeRow('token', 't1')], makeToken({ issuerId: 'other' }))).toBe(false);
    const row = makeRow('token', 't1', { issuerId: 'other' });
    expect(isRevoked([row], makeToken({ issuerId: 'other' }))).toBe(true);
  });

  it('of an account applies to tokens that were issued before its time or do not say when', () => {
    const accountRows = (issuedBefore: number) => [makeRow('account', 'a1', { issuedBefore })];
    expect(isRevoked(accountRows(ISSUED_AT), makeToken())).toBe(false);
    expect(isRevoked(accountRows(ISSUED_AT + 1), makeToken())).toBe(true);
    expect(isRevoked(accountRows(ISSUED_AT - 1), makeToken({ issuedAt: undefined }))).toBe(true);
  });

  it('ends when it is removed or replaced, unless another one applies to the same token', () => {
    const revocations = new Revocations();
    revocations.apply('1', makeRow('token', 't1'));
    revocations.apply('2', makeRow('token', 't1'));
    revocations.apply('1', null);
    expect(revocations.has(makeToken())).toBe(true);
    revocations.apply('2', makeRow('token', 't2'));
    expect(revocations.has(makeToken())).toBe(false);
  });
});
