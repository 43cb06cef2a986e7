/**
 * Denials of Check by the `code` of their JSON body. docs/errors.md lists them for users. Codes are frozen: clients and
 * dashboards depend on them.
 */
export const DENIALS = {
  missing_credential: {
    status: 401,
    message: 'missing credential: send an API key in x-api-key, or a key or token in authorization as a Bearer token',
  },
  malformed_credential: {
    status: 401,
    message: 'this is not an API key or token: check that it was copied completely',
  },
  unknown_credential: { status: 401, message: 'this API key or token is unknown' },
  expired_credential: { status: 401, message: 'this API key or token has expired' },
  revoked_credential: { status: 401, message: 'this token was revoked' },
  disabled_credential: { status: 403, message: 'this API key is disabled' },
  forbidden_network: { status: 403, message: 'this API key may not be used from this address' },
  missing_feature: {
    status: 403,
    message: 'neither this credential nor its plan has a feature that this route requires',
  },
  rate_limited: { status: 429, message: 'too many requests: try again later' },
  quota_exceeded: { status: 429, message: 'the quota of this period is used up' },
  invalid_configuration: {
    status: 500,
    message: 'this route is misconfigured: its context extension weir.cost must be a whole number from 0 to 4294967295',
  },
  verification_unavailable: { status: 503, message: 'the token could not be verified: try again' },
  catalog_stale: { status: 503, message: 'the status of this credential is temporarily unavailable: try again' },
  store_unavailable: { status: 503, message: 'the request could not be counted: try again' },
} as const satisfies Record<string, { status: number; message: string }>;

export type DenialCode = keyof typeof DENIALS;
