import { isIP } from 'node:net';
import type { CheckQuestion } from '../../decide/check/check.ts';
import { readOrRefuse } from '../wire/decode-message.ts';
import { LENGTH_DELIMITED, type NamesByLength, namesByLength, type WireReader } from '../wire/wire-reader.ts';
import { NO_SETTINGS, type RouteSettings, readContextExtension } from './context-extensions.ts';
import { entryText, readEntry } from './map-entry.ts';
import { NO_QUERY_KEY, type QueryKey, queryKeyOf } from './query-key.ts';

// Field numbers of envoy.service.auth.v3 (proto/envoy/service/auth/v3).
const CHECK_REQUEST = { attributes: 1 };
const ATTRIBUTE_CONTEXT = { source: 1, request: 4, contextExtensions: 10 };
const PEER = { address: 1 };
const ADDRESS = { socketAddress: 1 };
const SOCKET_ADDRESS = { address: 2 };
const REQUEST = { http: 2 };
const HTTP_REQUEST = { method: 2, headers: 3, path: 4, headerMap: 13 };
const HEADER_MAP = { headers: 1 };

const HEADERS = ['x-api-key', 'authorization', 'x-request-id', 'content-type'];
const [API_KEY, AUTHORIZATION, REQUEST_ID, CONTENT_TYPE, DEVICE, CLIENT_ADDRESS] = [0, 1, 2, 3, 4, 5];
/** Read of OPTIONS requests alone, behind the others. */
const PREFLIGHT_HEADERS = ['origin', 'access-control-request-method'];
const [ORIGIN, REQUESTED_METHOD] = [6, 7];
const OPTIONS = namesByLength(['options']);

/** Names that a later hop may read as Weir's own: CGI-style upstreams fold `_` and `-` into one. */
const WEIR_HEADER = /^x[-_]weir[-_]/i;
const OVERWRITTEN_HEADERS = new Set(['x-weir-account', 'x-weir-key', 'x-weir-plan']);
const LETTER_W = 'w'.charCodeAt(0);

/** What to read of a request beside what is always read. */
export interface CheckReading {
  readonly headers: NamesByLength;
  readonly headersOfOptions: NamesByLength;
  /** Whether a header tells the client's address, in place of who connected to Envoy. */
  readonly readsClientAddress: boolean;
  /** Name of the query parameter that may carry an API key; undefined: none, and the path is not looked at. */
  readonly keyParameter: string | undefined;
}

/** What is kept of the request; `values` of headers, by their index in `names`. */
interface FoundRequest {
  names: CheckReading['headers'];
  readonly values: (string | undefined)[];
  readonly forged: string[];
  queryKey: QueryKey;
}

interface FoundAttributes {
  sourceAddress: string | undefined;
  request: FoundRequest;
  settings: RouteSettings;
}

const ALWAYS = checkReading({});
const NO_REQUEST: FoundRequest = { names: ALWAYS.headers, values: [], forged: [], queryKey: NO_QUERY_KEY };
const NO_ATTRIBUTES: FoundAttributes = { sourceAddress: undefined, request: NO_REQUEST, settings: NO_SETTINGS };

/** Headers by their lower-case names. */
export interface CheckReadingOptions {
  /** By which clients name their device. */
  readonly deviceHeader?: string | undefined;
  /** In which Envoy tells the client's address. */
  readonly clientAddressHeader?: string | undefined;
  /** Of the query, for API keys. */
  readonly keyParameter?: string | undefined;
}

export function checkReading(options: CheckReadingOptions): CheckReading {
  const { deviceHeader, clientAddressHeader, keyParameter } = options;
  const headers = [...HEADERS, deviceHeader, clientAddressHeader];
  return {
    headers: namesByLength(headers),
    headersOfOptions: namesByLength([...headers, ...PREFLIGHT_HEADERS]),
    readsClientAddress: clientAddressHeader !== undefined,
    keyParameter,
  };
}

/**
 * Reads of a CheckRequest what is used and skips the rest, most of its 350 to 1,400 bytes. Throws InvalidRequest on
 * bytes that are no such message.
 */
export function decodeCheckRequest(message: Uint8Array, reading = ALWAYS): CheckQuestion {
  const name = 'envoy.service.auth.v3.CheckRequest';
  const found = readOrRefuse(name, message, (reader) => readCheckRequest(reader, reading));
  const { request, settings } = found;
  return {
    requestIdHeader: request.values[REQUEST_ID],
    apiKeyHeader: request.values[API_KEY],
    authorizationHeader: request.values[AUTHORIZATION],
    contentTypeHeader: request.values[CONTENT_TYPE],
    device: request.values[DEVICE],
    route: settings.route,
    sourceAddress: reading.readsClientAddress ? addressOf(request.values[CLIENT_ADDRESS]) : found.sourceAddress,
    rateLimitOff: settings.rateLimitOff,
    requiredFeatures: settings.requiredFeatures,
    allowsAnonymous: settings.allowsAnonymous,
    isAllowedPreflight: settings.allowsPreflight && isPreflight(request),
    cost: settings.cost,
    forgedHeaders: request.forged,
    queryKey: request.queryKey.value,
    queryKeyNames: request.queryKey.names,
  };
}

function readCheckRequest(reader: WireReader, reading: CheckReading): FoundAttributes {
  let found = NO_ATTRIBUTES;
  while (reader.next()) {
    if (reader.is(CHECK_REQUEST.attributes, LENGTH_DELIMITED)) found = readAttributes(reader, reading);
    else reader.skip();
  }
  return found;
}

function readAttributes(reader: WireReader, reading: CheckReading): FoundAttributes {
  const outerEnd = reader.enter();
  const found = { ...NO_ATTRIBUTES };
  while (reader.next()) {
    if (reader.is(ATTRIBUTE_CONTEXT.source, LENGTH_DELIMITED)) found.sourceAddress = readPeer(reader);
    else if (reader.is(ATTRIBUTE_CONTEXT.request, LENGTH_DELIMITED)) found.request = readRequest(reader, reading);
    else if (reader.is(ATTRIBUTE_CONTEXT.contextExtensions, LENGTH_DELIMITED)) {
      found.settings = readContextExtension(reader, found.settings);
    } else reader.skip();
  }
  reader.leave(outerEnd);
  return found;
}

/** Its IP address. A pipe has none, and an empty one is none. */
function readPeer(reader: WireReader): string | undefined {
  const peerEnd = reader.enter();
  let found = '';
  while (reader.next()) {
    if (reader.is(PEER.address, LENGTH_DELIMITED)) found = readAddress(reader);
    else reader.skip();
  }
  reader.leave(peerEnd);
  return found === '' ? undefined : found;
}

function readAddress(reader: WireReader): string {
  const outerEnd = reader.enter();
  let found = '';
  while (reader.next()) {
    if (reader.is(ADDRESS.socketAddress, LENGTH_DELIMITED)) found = readSocketAddress(reader);
    else reader.skip();
  }
  reader.leave(outerEnd);
  return found;
}

function readSocketAddress(reader: WireReader): string {
  const outerEnd = reader.enter();
  let found = '';
  while (reader.next()) {
    if (reader.is(SOCKET_ADDRESS.address, LENGTH_DELIMITED)) found = reader.text();
    else reader.skip();
  }
  reader.leave(outerEnd);
  return found;
}

function readRequest(reader: WireReader, reading: CheckReading): FoundRequest {
  const outerEnd = reader.enter();
  let found = NO_REQUEST;
  while (reader.next()) {
    if (reader.is(REQUEST.http, LENGTH_DELIMITED)) found = readHttpRequest(reader, reading);
    else reader.skip();
  }
  reader.leave(outerEnd);
  return found;
}

function readHttpRequest(reader: WireReader, reading: CheckReading): FoundRequest {
  const outerEnd = reader.enter();
  const values = [undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined];
  const found: FoundRequest = { names: reading.headers, values, forged: [], queryKey: NO_QUERY_KEY };
  while (reader.next()) {
    if (reader.is(HTTP_REQUEST.headers, LENGTH_DELIMITED)) readHeader(reader, found);
    else if (reader.is(HTTP_REQUEST.method, LENGTH_DELIMITED)) {
      // Before the headers, as Envoy writes fields in their order. Otherwise it is no preflight, and refused.
      if (isOptions(reader)) found.names = reading.headersOfOptions;
      reader.skip();
    } else if (reader.is(HTTP_REQUEST.headerMap, LENGTH_DELIMITED)) readHeaderMap(reader, found);
    else if (reading.keyParameter !== undefined && reader.is(HTTP_REQUEST.path, LENGTH_DELIMITED)) {
      found.queryKey = queryKeyOf(reader.text(), reading.keyParameter);
    } else reader.skip();
  }
  reader.leave(outerEnd);
  return found;
}

/** By its bytes first: of nearly all methods no text is made. */
function isOptions(reader: WireReader): boolean {
  return reader.oneOfAt(reader.position, OPTIONS) === 0 && reader.textAt(reader.position) === 'OPTIONS';
}

/** One address and nothing else: where it came twice, one of them is a lie. */
function addressOf(value: string | undefined): string | undefined {
  return value === undefined || isIP(value) === 0 ? undefined : value;
}

/** As browsers ask before a request to another origin (https://fetch.spec.whatwg.org/#cors-preflight-request). */
function isPreflight({ values }: FoundRequest): boolean {
  return Boolean(values[ORIGIN]) && Boolean(values[REQUESTED_METHOD]);
}

/** With encode_raw_headers Envoy sends the headers in this form. */
function readHeaderMap(reader: WireReader, found: FoundRequest): void {
  const outerEnd = reader.enter();
  while (reader.next()) {
    if (reader.is(HEADER_MAP.headers, LENGTH_DELIMITED)) readHeader(reader, found);
    else reader.skip();
  }
  reader.leave(outerEnd);
}

function readHeader(reader: WireReader, found: FoundRequest): void {
  const entry = readEntry(reader);
  if (entry.key === 0) return;
  const index = reader.oneOfAt(entry.key, found.names);
  if (index >= 0) {
    const value = entryText(reader, entry.value);
    const before = found.values[index];
    // As HTTP joins a repeated header; two API keys are thus none.
    found.values[index] = before === undefined ? value : `${before},${value}`;
    // From Envoy to Weir: no header of the client's, nor for the upstream.
    if (index === CLIENT_ADDRESS) found.forged.push(reader.textAt(entry.key));
  } else if (mayBeWeirs(reader, entry.key)) {
    const name = reader.textAt(entry.key);
    if (WEIR_HEADER.test(name) && !OVERWRITTEN_HEADERS.has(name.toLowerCase())) found.forged.push(name);
  }
}

/** Spares a string for each header: the third letter of the few that matter is a w. The byte before them is the length. */
function mayBeWeirs(reader: WireReader, key: number): boolean {
  return (reader.byteAt(key + 3) | 0x20) === LETTER_W || reader.byteAt(key) >= 0x80;
}
