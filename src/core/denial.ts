/** Why a request is not let in: the `code` of the JSON body. docs/errors.md is the list for users. */
export const DENIALS = {
  missing_credential: {
    status: 401,
    message: 'no API key: send one in x-api-key, or in authorization as a Bearer token',
  },
  malformed_credential: { status: 401, message: 'this is not an API key: check that it was copied whole' },
  unknown_credential: { status: 401, message: 'this API key is not known' },
  expired_credential: { status: 401, message: 'this API key has expired' },
  disabled_credential: { status: 403, message: 'this API key is disabled' },
  forbidden_network: { status: 403, message: 'this API key may not be used from this address' },
  missing_feature: { status: 403, message: 'this API key and its plan do not have a feature that this needs' },
  rate_limited: { status: 429, message: 'too many requests: try again later' },
  quota_exceeded: { status: 429, message: 'the quota of this period is used up' },
  invalid_configuration: {
    status: 500,
    message: 'this route is not configured right: its context extension weir.cost must be a whole number from 0 on',
  },
  store_unavailable: { status: 503, message: 'the request could not be counted: try again' },
} as const satisfies Record<string, { status: number; message: string }>;

export type DenialCode = keyof typeof DENIALS;
