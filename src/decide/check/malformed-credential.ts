import { API_KEY_PREFIX, findApiKeyFault } from '../../domain/credentials/api-key.ts';
import { type CredentialFault, credentialFault, tokenTooLong } from '../../domain/credentials/credential-fault.ts';
import { findTokenFormFault, looksLikeToken } from '../../domain/tokens/compact-token.ts';
import type { PresentedCredential } from './presented-credential.ts';

/** HTTP joins repeated headers with it. No API key and no token contains one. */
const SEPARATOR = ',';
const SCHEME = /^(?:bearer|basic|apikey|token) /i;

/**
 * Finds out what is wrong with a credential that is neither an API key nor has the form of a token. Runs for garbage of
 * any length, so it reads only the beginning of it or searches it for one character.
 */
export function findCredentialFault({ header, secret }: PresentedCredential, maxTokenBytes: number): CredentialFault {
  if (secret.includes(SEPARATOR)) return credentialFault(repeatedFault(header));
  if (header === 'authorization' && !secret.startsWith(API_KEY_PREFIX)) return findTokenFault(secret, maxTokenBytes);
  if (header !== 'authorization' && header !== undefined && SCHEME.test(secret))
    return credentialFault(header === 'x-api-key' ? 'api_key_with_scheme' : 'scheme_in_api_key');
  if (header !== 'authorization' && looksLikeToken(secret, maxTokenBytes)) {
    return credentialFault(tokenFault(header));
  }
  return credentialFault(`api_key_${findApiKeyFault(secret)}`);
}

function tokenFault(header: PresentedCredential['header']) {
  if (header === undefined) return 'token_in_query';
  return header === 'x-api-key' ? 'token_in_api_key_header' : 'token_in_api_key_source';
}

function repeatedFault(header: PresentedCredential['header']) {
  if (header === 'configured') return 'repeated_credential';
  if (header === undefined) return 'repeated_query_parameter';
  return header === 'x-api-key' ? 'repeated_api_key_header' : 'repeated_authorization';
}

function findTokenFault(secret: string, maxTokenBytes: number): CredentialFault {
  if (secret === '') return credentialFault('bearer_empty');
  const fault = findTokenFormFault(secret, maxTokenBytes);
  return fault === 'too_long' ? tokenTooLong(maxTokenBytes) : credentialFault(fault);
}
