import type { EntityManager } from '@mikro-orm/postgresql';
import { IssuedTokenEntity } from '../../database/entities/token-entities.ts';
import type { Database } from '../../database/open-database.ts';
import type { ListIssuedTokensRequest, ListIssuedTokensResponse } from '../../generated/weir/admin/v1/token_service.ts';
import type { Caller } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readPage, splitPage } from '../lists/paging.ts';

/** A token with a role that is about to be issued. */
export interface NewIssuedToken {
  readonly id: string;
  readonly account: string;
  readonly role: 'admin';
  readonly createTime: Date;
  readonly expireTime: Date;
}

/** Records a token with a role, so that it can be listed, and revoked with the account that issued it. */
export async function recordIssuedToken(database: Database, token: NewIssuedToken, caller: Caller): Promise<void> {
  const em = database.em.fork();
  em.create(IssuedTokenEntity, { ...token, issuedBy: await findIssuingAccount(em, caller) });
  await em.flush();
}

export async function listIssuedTokens(
  database: Database,
  request: ListIssuedTokensRequest,
): Promise<ListIssuedTokensResponse> {
  const violations = new FieldViolations();
  const page = readPage(violations, { method: 'TokenService/ListIssuedTokens', ids: 'tokens' }, request);
  violations.throwIfAny();
  const where = { id: { $gt: page.after }, expireTime: { $gt: new Date() } };
  const rows = await database.em
    .fork()
    .find(IssuedTokenEntity, where, { orderBy: { id: 'asc' }, limit: page.size + 1 });
  const { items, nextPageToken } = splitPage(rows, page);
  return { tokens: items.map(({ id, ...rest }) => ({ tokenId: id, ...rest })), nextPageToken };
}

/** Revokes the tokens with a role that an account has issued. */
export async function revokeIssuedTokens(em: EntityManager, issuedBy: string, issuedBefore: Date): Promise<void> {
  await em.execute('select revoke_issued_tokens(?, ?)', [issuedBy, issuedBefore]);
}

/** A token that another token has issued belongs to the account behind the first one. */
async function findIssuingAccount(em: EntityManager, { subject, statelessTokenId }: Caller): Promise<string> {
  if (statelessTokenId === undefined) return subject;
  return (await em.findOne(IssuedTokenEntity, statelessTokenId))?.issuedBy ?? subject;
}
