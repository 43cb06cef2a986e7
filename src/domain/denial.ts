/**
 * Denials of Check by the `code` of their JSON body. docs/errors.md lists them for users. Codes are frozen: clients and
 * dashboards depend on them.
 */
export const DENIALS = {
  ambiguous_path: {
    status: 400,
    message:
      'the path of this request could be read in two ways: send it without empty or dot segments, and with no more ' +
      'percent-encoding than it needs',
  },
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
  disabled_account: { status: 403, message: 'the account of this API key or token is disabled' },
  blocked_account: { status: 403, message: 'the account of this API key or token is blocked: try again later' },
  forbidden_network: { status: 403, message: 'this API key may not be used from this address' },
  blocked_device: { status: 403, message: 'this device is blocked' },
  unknown_device: {
    status: 403,
    message: 'this credential can be used only on a device that is registered for its account',
  },
  too_many_devices: { status: 403, message: 'this account has as many devices as its plan allows: delete one of them' },
  unknown_route: { status: 403, message: 'no route of this service has this path and method' },
  missing_feature: {
    status: 403,
    message: 'neither this credential nor its plan has a feature that this route requires',
  },
  rate_limited: { status: 429, message: 'too many requests: try again later' },
  quota_exceeded: { status: 429, message: 'the quota of this period is used up' },
  cost_exceeds_limit: {
    status: 429,
    message: 'this request costs more than one of its limits ever allows: a retry will not help',
  },
  credits_exhausted: { status: 429, message: 'not enough credits are left' },
  invalid_configuration: {
    status: 500,
    message: 'this route is misconfigured: it has a setting for Weir that Weir does not know',
  },
  verification_unavailable: { status: 503, message: 'the token could not be verified: try again' },
  catalog_stale: { status: 503, message: 'the status of this credential is temporarily unavailable: try again' },
  store_unavailable: { status: 503, message: 'the request could not be counted: try again' },
} as const satisfies Record<string, { status: number; message: string }>;

export type DenialCode = keyof typeof DENIALS;
