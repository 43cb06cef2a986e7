import { z } from 'zod';
import { type KeySource, parseKeySources } from '../../domain/credentials/key-source.ts';
import type { DeviceRegistration } from '../../domain/device.ts';

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
  /** Where clients may send API keys; undefined: in x-api-key, in authorization and in `keyParameter`. */
  readonly keySources: readonly KeySource[] | undefined;
  /** Whether requests with context extensions for Weir that Weir does not know are denied. */
  readonly unknownExtensions: 'deny' | 'warn';
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

/** Sources in the order in which they count, separated by commas. */
const keySources = z.string().transform((text, context): readonly KeySource[] => {
  const sources = parseKeySources(text);
  if (!('invalid' in sources)) return sources;
  context.addIssue({ code: 'custom', message: sources.invalid });
  return z.NEVER;
});

export const requestVariables = {
  DEVICE_HEADER: deviceHeader.optional(),
  DEVICE_REGISTRATION: z.enum(['off', 'auto', 'required'], 'must be off, auto or required').default('off'),
  CLIENT_ADDRESS_HEADER: clientAddressHeader.optional(),
  API_KEY_QUERY_PARAMETER: queryParameter.optional(),
  API_KEY_SOURCES: keySources.optional(),
  UNKNOWN_EXTENSIONS: z.enum(['deny', 'warn'], 'must be deny or warn').default('deny'),
};

/** What Check does with the devices that clients name. */
export interface DevicesConfig {
  readonly registration: DeviceRegistration;
}

export function readRequestConfig(env: z.infer<z.ZodObject<typeof requestVariables>>): RequestConfig {
  return {
    deviceHeader: env.DEVICE_HEADER,
    clientAddressHeader: env.CLIENT_ADDRESS_HEADER,
    keyParameter: env.API_KEY_QUERY_PARAMETER,
    keySources: env.API_KEY_SOURCES,
    unknownExtensions: env.UNKNOWN_EXTENSIONS,
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Finds settings of what Check reads from a request that contradict each other. */
export function findRequestConflicts(values: Environment): readonly string[] {
  const faults = [...findSourceConflicts(values)];
  if (values.DEVICE_HEADER === undefined && (values.DEVICE_REGISTRATION ?? 'off') !== 'off') {
    faults.push('DEVICE_REGISTRATION: needs DEVICE_HEADER, in which clients name their device');
  }
  return faults;
}

function findSourceConflicts({
  API_KEY_SOURCES: sources = '',
  API_KEY_QUERY_PARAMETER: parameter,
  DEVICE_HEADER: device = '',
}: Environment): readonly string[] {
  if (sources === '') return [];
  const faults: string[] = [];
  if (parameter !== undefined) {
    faults.push('API_KEY_QUERY_PARAMETER: must be unset where API_KEY_SOURCES is set; add query:NAME to that list');
  }
  const names = sources.split(',').map((source) => source.replaceAll(/\s/g, '').toLowerCase());
  if (names.includes(`header:${device.toLowerCase()}`)) {
    faults.push('DEVICE_HEADER: must not be a header of API_KEY_SOURCES, which holds a secret');
  }
  return faults;
}
