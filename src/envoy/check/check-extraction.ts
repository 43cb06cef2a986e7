import type { UnknownSettings } from '../../decide/check/configuration-fault.ts';
import type { KeySource } from '../../domain/credentials/key-source.ts';
import type { RouteTable } from '../../domain/routes/route-table.ts';
import { buildNameTable, type NameTable } from '../wire/name-table.ts';
import { type KeySources, prepareKeySources } from './sourced-credential.ts';

/** Index of each header in `ExtractedRequest.headerValues` and in the name tables of `CheckExtraction`. */
export const HEADER = {
  apiKey: 0,
  authorization: 1,
  requestId: 2,
  contentType: 3,
  device: 4,
  clientAddress: 5,
  origin: 6,
  requestedMethod: 7,
};
/** Names of the headers up to `contentType`. */
const FIXED_HEADERS = ['x-api-key', 'authorization', 'x-request-id', 'content-type'];
/** Names of `origin` and `requestedMethod`, which are read from OPTIONS requests only. */
const PREFLIGHT_HEADERS = ['origin', 'access-control-request-method'];
/** Index of the first header that only a source of API keys reads. */
const FIRST_SOURCE = 8;

/** The optional parts of a request that Check is configured to read. Header names are in lower case. */
export interface CheckExtractionOptions {
  /** Header in which clients name their device. */
  readonly deviceHeader?: string | undefined;
  /** Header in which Envoy reports the client's address. */
  readonly clientAddressHeader?: string | undefined;
  /** Query parameter that may carry an API key. */
  readonly keyParameter?: string | undefined;
  /** Sources of API keys in place of x-api-key, Bearer and `keyParameter`. undefined: these. */
  readonly keySources?: readonly KeySource[] | undefined;
  /** Whether requests with context extensions that Weir does not know are denied. undefined: they are. */
  readonly unknownExtensions?: UnknownSettings | undefined;
}

/** The parts of a request that Check reads, prepared once from `CheckExtractionOptions`. */
export interface CheckExtraction {
  readonly headers: NameTable;
  /** For OPTIONS requests: `headers` and the headers of a preflight. */
  readonly optionsHeaders: NameTable;
  /** Whether a header reports the client's address, which then replaces the address of Envoy's peer. */
  readonly readsClientAddress: boolean;
  /** Query parameter that may carry an API key; undefined: none, and the path is not read. */
  readonly keyParameter: string | undefined;
  /** undefined: API keys are in x-api-key, in authorization and in `keyParameter`. */
  readonly keySources: KeySources | undefined;
  /** Index of each header that only sources read, by its name. */
  readonly sourceHeaders: ReadonlyMap<string, number>;
  /** Index of the header `cookie`; -1: no source reads it. */
  readonly cookieIndex: number;
  readonly unknownExtensions: UnknownSettings;
  /** The routes of the service. undefined: there is no table, and neither host nor method is read. */
  readonly routes: RouteSource | undefined;
  /** Whether anything reads the path. */
  readonly readsPath: boolean;
}

/** The route table in force. A reload replaces it. */
export interface RouteSource {
  readonly table: RouteTable;
}

/** `routes`: undefined if there is no route table. */
export function prepareCheckExtraction(options: CheckExtractionOptions, routes?: RouteSource): CheckExtraction {
  const { deviceHeader, clientAddressHeader, keyParameter, keySources, unknownExtensions = 'deny' } = options;
  const sources = keySources && prepareKeySources(keySources);
  const sourceNames = sources === undefined ? [] : listSourceHeaders(sources);
  const headers = [...FIXED_HEADERS, deviceHeader, clientAddressHeader]; // in the order of HEADER
  return {
    headers: buildNameTable([...headers, undefined, undefined, ...sourceNames]),
    optionsHeaders: buildNameTable([...headers, ...PREFLIGHT_HEADERS, ...sourceNames]),
    readsClientAddress: clientAddressHeader !== undefined,
    keyParameter,
    keySources: sources,
    sourceHeaders: new Map(sourceNames.map((name, index) => [name, FIRST_SOURCE + index])),
    cookieIndex: sourceNames.includes('cookie') ? FIRST_SOURCE + sourceNames.indexOf('cookie') : -1,
    unknownExtensions,
    routes,
    readsPath: keyParameter !== undefined || sources?.readsPath === true || routes !== undefined,
  };
}

/** Lists the headers to be read for the sources, except those that Check reads anyway. */
function listSourceHeaders({ list, cookieNames }: KeySources): readonly string[] {
  const names = list.flatMap((source) => (source.kind === 'header' ? [source.name] : []));
  if (cookieNames.size > 0) names.push('cookie');
  return names.filter((name) => name !== 'x-api-key');
}
