import type { TokenFault, TokenFormFault } from '../tokens/compact-token.ts';
import { API_KEY_LENGTH, type ApiKeyFault, LIVE_KEY_PREFIX } from './api-key.ts';

/** Why a credential is denied as malformed or unknown: more than the code of the denial says. */
export interface CredentialFault {
  /** Value of the metric label `fault`. */
  readonly name: CredentialFaultName;
  /** The message of the response. undefined: that of the code, because the caller must not learn the fault. */
  readonly message: string | undefined;
}

/** How a credential is sent wrongly, whatever it is. */
type PlacementFault =
  | 'repeated_api_key_header'
  | 'repeated_authorization'
  | 'repeated_query_parameter'
  | 'api_key_with_scheme'
  | 'token_in_api_key_header'
  | 'token_in_query'
  | 'bearer_empty'
  | 'repeated_credential'
  | 'scheme_in_api_key'
  | 'scheme_empty'
  | 'basic_malformed'
  | 'token_in_api_key_source';

/** A credential that is well-formed and whose signature is valid, but that names something unknown. */
export type UnknownFault = 'unknown_api_key' | 'unknown_account' | 'unknown_plan' | 'no_plan' | 'not_yet_valid';

/** Faults that responses name. */
type ReportedFault = PlacementFault | `api_key_${ApiKeyFault}` | TokenFormFault | UnknownFault;

export type CredentialFaultName = ReportedFault | 'too_long' | TokenFault;

/** None of the messages repeats the credential. undefined: the code of the denial says the same. */
const MESSAGES: Readonly<Record<ReportedFault, string | undefined>> = {
  repeated_api_key_header: 'x-api-key has more than one value: send one API key, once',
  repeated_authorization: 'authorization has more than one value: send one API key or token, once',
  repeated_query_parameter: 'the query has more than one API key: send one API key, once',
  api_key_with_scheme: 'x-api-key must be the API key alone: a scheme such as Bearer belongs in authorization',
  token_in_api_key_header: 'x-api-key accepts only API keys: send a token in authorization as a Bearer token',
  token_in_query: 'the query accepts only API keys: send a token in authorization as a Bearer token',
  bearer_empty: 'authorization has the scheme Bearer, but no API key or token after it',
  repeated_credential: 'the request has more than one API key in one place: send one API key, once',
  scheme_in_api_key: 'this must be the API key alone: a scheme such as Bearer does not belong in it',
  scheme_empty: 'authorization has a scheme, but no API key after it',
  basic_malformed:
    'authorization with the scheme Basic must be base64 of the API key, a colon, and a password or nothing',
  token_in_api_key_source: 'only API keys are accepted here: send a token in authorization as a Bearer token',
  api_key_prefix: `this is not an API key: API keys begin with ${LIVE_KEY_PREFIX}`,
  api_key_characters: 'this API key has a character that no API key has, such as a space, a comma or a quotation mark',
  api_key_length: `this API key does not have ${API_KEY_LENGTH} characters: check that it was copied completely`,
  api_key_checksum: 'the checksum of this API key is wrong: check that no character of it was changed',
  not_compact: `this is neither an API key, which begins with ${LIVE_KEY_PREFIX}, nor a JWT, which has three parts`,
  encrypted: 'this token is encrypted or compressed: send a JWT that is only signed',
  not_base64url: 'a part of this token is not base64url: check that it was copied completely',
  not_utf8: 'the header or the claims of this token are not UTF-8',
  not_json: 'the header or the claims of this token are not a JSON object: check that it was copied completely',
  duplicate_member: 'the header or the claims of this token have two members of the same name',
  unknown_api_key: undefined,
  unknown_account: 'the account of this token is unknown',
  unknown_plan: 'the plan of this API key or token is unknown',
  no_plan: 'this token has neither a plan nor limits of its own',
  not_yet_valid: 'this token is not valid yet',
};

/** One object for each fault, so that none is created for a request. */
const FAULTS = new Map<CredentialFaultName, CredentialFault>();

/** Returns the fault of this name. Faults of tokens other than those of their form have no message of their own. */
export function credentialFault(name: Exclude<CredentialFaultName, 'too_long'>): CredentialFault {
  let fault = FAULTS.get(name);
  if (fault === undefined) {
    fault = { name, message: name in MESSAGES ? MESSAGES[name as ReportedFault] : undefined }; // has one: checked
    FAULTS.set(name, fault);
  }
  return fault;
}

/** Whether a fault only says that a credential has no format that Weir gives out. A key of another service may be so. */
export function isUnknownFormat({ name }: CredentialFault): boolean {
  return name === 'api_key_prefix' || name === 'not_compact';
}

/** By `maxBytes`. A process has one such limit. */
const TOO_LONG_FAULTS = new Map<number, CredentialFault>();

/** Returns the fault of a token that is longer than `maxBytes`. */
export function tokenTooLong(maxBytes: number): CredentialFault {
  let fault = TOO_LONG_FAULTS.get(maxBytes);
  if (fault === undefined) {
    const message = `this token is too long: tokens have at most ${maxBytes} bytes`;
    fault = { name: 'too_long', message };
    TOO_LONG_FAULTS.set(maxBytes, fault);
  }
  return fault;
}
