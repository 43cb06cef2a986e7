import { z } from 'zod';

/** Optional parts of a request that Check reads. */
export interface RequestConfig {
  /** Lower-case name of the header in which clients name their device, for rules of the domain `edge`; undefined: none. */
  readonly deviceHeader: string | undefined;
  /**
   * Lower-case name of the header in which Envoy passes the client's address; undefined: the address that connected to
   * Envoy is used.
   */
  readonly clientAddressHeader: string | undefined;
  /** Name of the query parameter that may carry an API key; undefined: none. */
  readonly keyParameter: string | undefined;
}

/** Headers that Check uses otherwise or removes. As a device header, one of them would turn a secret into a counter's name. */
const RESERVED_HEADER =
  /^(x-api-key|authorization|x-request-id|content-type|origin|access-control-request-method|x-weir-.*)$/;

const deviceHeader = z
  .string()
  .toLowerCase()
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'must be the name of a header')
  .refine(
    (name) => !RESERVED_HEADER.test(name),
    'must be a header that Weir does not set and that holds no credential',
  );

/** One of the headers that Envoy removes from client requests and Weir from upstream requests: clients must not write it. */
const clientAddressHeader = z
  .string()
  .toLowerCase()
  .regex(
    /^x-weir-(?!(account|key|plan)$)[a-z0-9-]{1,64}$/,
    'must be a header that begins with x-weir-, such as x-weir-client-address, and that Weir does not set',
  );

/** Unreserved characters of a query (RFC 3986 section 2.3): Envoy removes the parameter by its name as written. */
const queryParameter = z
  .string()
  .regex(/^[A-Za-z0-9._~-]{1,64}$/, 'must be 1 to 64 letters, digits, "-", ".", "_" and "~"');

export const requestVariables = {
  DEVICE_HEADER: deviceHeader.optional(),
  CLIENT_ADDRESS_HEADER: clientAddressHeader.optional(),
  API_KEY_QUERY_PARAMETER: queryParameter.optional(),
};

export function readRequestConfig(
  env: {
    readonly [Name in keyof typeof requestVariables]?: string | undefined;
  },
): RequestConfig {
  return {
    deviceHeader: env.DEVICE_HEADER,
    clientAddressHeader: env.CLIENT_ADDRESS_HEADER,
    keyParameter: env.API_KEY_QUERY_PARAMETER,
  };
}
