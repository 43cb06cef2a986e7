import { API_KEY_PREFIX } from '../../domain/credentials/api-key.ts';
import type { CheckQuestion, CredentialHeader } from './check.ts';

/** What a request says who it is by. */
export interface Credential {
  /** undefined: it is in the query. */
  readonly header: CredentialHeader | undefined;
  readonly secret: string;
}

/** The first there is: x-api-key, authorization as a Bearer token, the query. */
export function findCredential(question: CheckQuestion): Credential | undefined {
  const { apiKeyHeader, queryKey } = question;
  if (apiKeyHeader !== undefined && apiKeyHeader !== '') return { header: 'x-api-key', secret: apiKeyHeader };
  const bearer = bearerOf(question);
  if (bearer !== undefined) return { header: 'authorization', secret: bearer };
  return queryKey === '' ? undefined : { header: undefined, secret: queryKey };
}

/** Whether an API key stands in authorization. */
export function hasBearerKey(question: CheckQuestion): boolean {
  return bearerOf(question)?.startsWith(API_KEY_PREFIX) === true;
}

const SCHEME = 'Bearer ';

/** Without a regular expression: it would look at each character of a token. */
function bearerOf({ authorizationHeader }: CheckQuestion): string | undefined {
  if (authorizationHeader === undefined) return undefined;
  if (!authorizationHeader.startsWith(SCHEME) && !isSpelledOtherwise(authorizationHeader)) return undefined;
  let start = SCHEME.length;
  while (authorizationHeader[start] === ' ') start++;
  return authorizationHeader.slice(start);
}

/** Schemes are read in any case of letters (RFC 9110, 11.1); nearly all write this one alike. */
function isSpelledOtherwise(header: string): boolean {
  return header.slice(0, SCHEME.length).toLowerCase() === SCHEME.toLowerCase();
}
