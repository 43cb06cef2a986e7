import { SessionEntity } from '../../database/entities/sign-in-entities.ts';
import type { Database } from '../../database/open-database.ts';
import { parseRefreshToken } from '../../identity/issue-tokens/refresh-token.ts';
import { readText } from '../methods/read-text.ts';

/** Whether a request has a refresh token of a session that is in force, used before or not. Costs one query. */
export async function presentsSession(database: Database, request: unknown): Promise<boolean> {
  const text = readText(request, 'refreshToken');
  const token = text === undefined ? undefined : parseRefreshToken(text);
  if (token === undefined) return false;
  const where = { familyDigest: token.familyDigest, endTime: null, expireTime: { $gt: new Date() } };
  return (await database.em.fork().count(SessionEntity, where)) > 0;
}
