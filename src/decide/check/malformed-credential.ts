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
  if (header === 'x-api-key' && SCHEME.test(secret)) return credentialFault('api_key_with_scheme');
  if (header !== 'authorization' && looksLikeToken(secret, maxTokenBytes)) {
    return credentialFault(header === undefined ? 'token_in_query' : 'token_in_api_key_header');
  }
  return credentialFault(`api_key_${findApiKeyFault(secret)}`);
}

function repeatedFault(header: PresentedCredential['header']) {
  if (header === undefined) return 'repeated_query_parameter';
  return header === 'x-api-key' ? 'repeated_api_key_header' : 'repeated_authorization';
}

function findTokenFault(secret: string, maxTokenBytes: number): CredentialFault {
  if (secret === '') return credentialFault('bearer_empty');
  const fault = findTokenFormFault(secret, maxTokenBytes);
  return fault === 'too_long' ? tokenTooLong(maxTokenBytes) : credentialFault(fault);
}
