import { z } from 'zod';

/** What Check reads of requests beside what it always reads. */
export interface RequestConfig {
  /** In lower case: the header by which clients name their device, for the rules of the domain `edge`; undefined: none. */
  readonly deviceHeader: string | undefined;
  /** In lower case: the header in which Envoy tells the client's address; undefined: it is who connected to Envoy. */
  readonly clientAddressHeader: string | undefined;
  /** Name of the query parameter that may carry an API key; undefined: none. */
  readonly keyParameter: string | undefined;
}

/** What Check reads for something else, or takes away: a secret would become a counter's name. */
const TAKEN_HEADER =
  /^(x-api-key|authorization|x-request-id|content-type|origin|access-control-request-method|x-weir-.*)$/;

const deviceHeader = z
  .string()
  .toLowerCase()
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'must be the name of a header')
  .refine((name) => !TAKEN_HEADER.test(name), 'must be a header that is not Weir’s own, nor carries a credential');

/** Of those that Envoy takes from clients and Weir from what the upstream gets: another would be the client's to write. */
const clientAddressHeader = z
  .string()
  .toLowerCase()
  .regex(
    /^x-weir-(?!(account|key|plan)$)[a-z0-9-]{1,64}$/,
    'must be a header that begins with x-weir-, such as x-weir-client-address, and none that Weir sets',
  );

/** Of what stands in a query as it is (RFC 3986 section 2.3): Envoy takes it out by the name that is written there. */
const queryParameter = z
  .string()
  .regex(/^[A-Za-z0-9._~-]{1,64}$/, 'must be 1 to 64 letters, digits, "-", ".", "_" and "~"');

export const requestVariables = {
  DEVICE_HEADER: deviceHeader.optional(),
  CLIENT_ADDRESS_HEADER: clientAddressHeader.optional(),
  API_KEY_QUERY_PARAMETER: queryParameter.optional(),
};

export function requestConfigOf(
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
