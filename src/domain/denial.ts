/** Why a request is not let in: the `code` of the JSON body. docs/errors.md is the list for users. */
export const DENIALS = {
  missing_credential: {
    status: 401,
    message: 'no credential: send an API key in x-api-key, or a key or token in authorization as a Bearer token',
  },
  malformed_credential: { status: 401, message: 'this is no API key or token: check that it was copied whole' },
  unknown_credential: { status: 401, message: 'this API key or token is not known' },
  expired_credential: { status: 401, message: 'this API key or token has expired' },
  revoked_credential: { status: 401, message: 'this token was revoked' },
  disabled_credential: { status: 403, message: 'this API key is disabled' },
  forbidden_network: { status: 403, message: 'this API key may not be used from this address' },
  missing_feature: { status: 403, message: 'this credential and its plan do not have a feature that this needs' },
  rate_limited: { status: 429, message: 'too many requests: try again later' },
  quota_exceeded: { status: 429, message: 'the quota of this period is used up' },
  invalid_configuration: {
    status: 500,
    message: 'this route is not configured right: its context extension weir.cost must be a whole number from 0 on',
  },
  verification_unavailable: { status: 503, message: 'the token could not be verified: try again' },
  catalog_stale: { status: 503, message: 'whether this credential is still good cannot be told: try again' },
  store_unavailable: { status: 503, message: 'the request could not be counted: try again' },
} as const satisfies Record<string, { status: number; message: string }>;

export type DenialCode = keyof typeof DENIALS;
