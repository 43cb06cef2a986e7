import { isIP } from 'node:net';
import type { CheckQuestion } from '../../decide/check/check-question.ts';
import { decodeMessage } from '../wire/decode-message.ts';
import { buildNameTable, type NameTable } from '../wire/name-table.ts';
import { LENGTH_DELIMITED, type WireReader } from '../wire/wire-reader.ts';
import { applyContextExtension, DEFAULT_ROUTE_SETTINGS, type RouteSettings } from './context-extensions.ts';
import { readEntryString, readMapEntry } from './map-entry.ts';
import { readPeerAddress } from './peer-address.ts';
import { findQueryKey, NO_QUERY_KEY, type QueryKey } from './query-key.ts';

const MESSAGE_TYPE = 'envoy.service.auth.v3.CheckRequest';

// Field numbers of envoy.service.auth.v3 (proto/envoy/service/auth/v3).
const CHECK_REQUEST = { attributes: 1 };
const ATTRIBUTE_CONTEXT = { source: 1, request: 4, contextExtensions: 10 };
const REQUEST = { http: 2 };
const HTTP_REQUEST = { method: 2, headers: 3, path: 4, headerMap: 13 };
const HEADER_MAP = { headers: 1 };

/** Index of each header in `ExtractedRequest.headerValues` and in the name tables of `CheckExtraction`. */
const HEADER = {
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
const OPTIONS_METHOD = buildNameTable(['options']);

/** Names that a later hop may take for Weir's own: CGI-style upstreams treat `_` and `-` as the same. */
const WEIR_HEADER = /^x[-_]weir[-_]/i;
const OVERWRITTEN_HEADERS = new Set(['x-weir-account', 'x-weir-key', 'x-weir-plan']);
const LETTER_W = 'w'.charCodeAt(0);

/** The optional parts of a request that Check is configured to read. Header names are in lower case. */
export interface CheckExtractionOptions {
  /** Header in which clients name their device. */
  readonly deviceHeader?: string | undefined;
  /** Header in which Envoy reports the client's address. */
  readonly clientAddressHeader?: string | undefined;
  /** Query parameter that may carry an API key. */
  readonly keyParameter?: string | undefined;
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
}

interface ExtractedRequest {
  /** The headers to look for. */
  names: NameTable;
  /** Indexed by HEADER; undefined: absent. */
  readonly headerValues: (string | undefined)[];
  readonly forgedHeaders: string[];
  queryKey: QueryKey;
}

interface ExtractedAttributes {
  sourceAddress: string | undefined;
  request: ExtractedRequest;
  settings: RouteSettings;
}

const DEFAULT_EXTRACTION = prepareCheckExtraction({});
const NO_REQUEST: ExtractedRequest = {
  names: DEFAULT_EXTRACTION.headers,
  headerValues: [],
  forgedHeaders: [],
  queryKey: NO_QUERY_KEY,
};
const NO_ATTRIBUTES: ExtractedAttributes = {
  sourceAddress: undefined,
  request: NO_REQUEST,
  settings: DEFAULT_ROUTE_SETTINGS,
};

export function prepareCheckExtraction(options: CheckExtractionOptions): CheckExtraction {
  const { deviceHeader, clientAddressHeader, keyParameter } = options;
  const headers = [...FIXED_HEADERS, deviceHeader, clientAddressHeader]; // in the order of HEADER
  return {
    headers: buildNameTable(headers),
    optionsHeaders: buildNameTable([...headers, ...PREFLIGHT_HEADERS]),
    readsClientAddress: clientAddressHeader !== undefined,
    keyParameter,
  };
}

/**
 * Decodes the parts of a CheckRequest that Check uses and skips the rest, which is most of its 350 to 1,400 bytes. Throws
 * InvalidRequest on bytes that are not such a message.
 */
export function decodeCheckRequest(message: Uint8Array, extraction = DEFAULT_EXTRACTION): CheckQuestion {
  const attributes = decodeMessage(MESSAGE_TYPE, message, (reader) => readCheckRequest(reader, extraction));
  const { request, settings } = attributes;
  const { headerValues } = request;
  return {
    requestIdHeader: headerValues[HEADER.requestId],
    apiKeyHeader: headerValues[HEADER.apiKey],
    authorizationHeader: headerValues[HEADER.authorization],
    contentTypeHeader: headerValues[HEADER.contentType],
    device: headerValues[HEADER.device],
    route: settings.route,
    sourceAddress: extraction.readsClientAddress
      ? parseClientAddress(headerValues[HEADER.clientAddress])
      : attributes.sourceAddress,
    rateLimitOff: settings.rateLimitOff,
    requiredFeatures: settings.requiredFeatures,
    allowsAnonymous: settings.allowsAnonymous,
    isAllowedPreflight: settings.allowsPreflight && isPreflight(request),
    cost: settings.cost,
    forgedHeaders: request.forgedHeaders,
    queryKey: request.queryKey.value,
    queryKeyNames: request.queryKey.names,
  };
}

function readCheckRequest(reader: WireReader, extraction: CheckExtraction): ExtractedAttributes {
  let attributes = NO_ATTRIBUTES;
  while (reader.nextField()) {
    if (reader.isField(CHECK_REQUEST.attributes, LENGTH_DELIMITED)) attributes = readAttributes(reader, extraction);
    else reader.skipField();
  }
  return attributes;
}

function readAttributes(reader: WireReader, extraction: CheckExtraction): ExtractedAttributes {
  const outerEnd = reader.enterMessage();
  const attributes = { ...NO_ATTRIBUTES };
  while (reader.nextField()) {
    if (reader.isField(ATTRIBUTE_CONTEXT.source, LENGTH_DELIMITED)) attributes.sourceAddress = readPeerAddress(reader);
    else if (reader.isField(ATTRIBUTE_CONTEXT.request, LENGTH_DELIMITED)) {
      attributes.request = readRequest(reader, extraction);
    } else if (reader.isField(ATTRIBUTE_CONTEXT.contextExtensions, LENGTH_DELIMITED)) {
      attributes.settings = applyContextExtension(reader, attributes.settings);
    } else reader.skipField();
  }
  reader.leaveMessage(outerEnd);
  return attributes;
}

function readRequest(reader: WireReader, extraction: CheckExtraction): ExtractedRequest {
  const outerEnd = reader.enterMessage();
  let request = NO_REQUEST;
  while (reader.nextField()) {
    if (reader.isField(REQUEST.http, LENGTH_DELIMITED)) request = readHttpRequest(reader, extraction);
    else reader.skipField();
  }
  reader.leaveMessage(outerEnd);
  return request;
}

function readHttpRequest(reader: WireReader, extraction: CheckExtraction): ExtractedRequest {
  const outerEnd = reader.enterMessage();
  const headerValues = [undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined];
  const request: ExtractedRequest = {
    names: extraction.headers,
    headerValues,
    forgedHeaders: [],
    queryKey: NO_QUERY_KEY,
  };
  while (reader.nextField()) {
    if (reader.isField(HTTP_REQUEST.headers, LENGTH_DELIMITED)) readHeader(reader, request);
    else if (reader.isField(HTTP_REQUEST.method, LENGTH_DELIMITED)) {
      // Envoy writes fields in the order of their numbers, so the method comes before the headers. If it did not, a
      // preflight would not be recognized and would be denied.
      if (isOptionsMethod(reader)) request.names = extraction.optionsHeaders;
      reader.skipField();
    } else if (reader.isField(HTTP_REQUEST.headerMap, LENGTH_DELIMITED)) readHeaderMap(reader, request);
    else if (extraction.keyParameter !== undefined && reader.isField(HTTP_REQUEST.path, LENGTH_DELIMITED)) {
      request.queryKey = findQueryKey(reader.readString(), extraction.keyParameter);
    } else reader.skipField();
  }
  reader.leaveMessage(outerEnd);
  return request;
}

/** Compares bytes first, so that nearly all methods never become a string. Methods are case-sensitive. */
function isOptionsMethod(reader: WireReader): boolean {
  return reader.findNameAt(reader.position, OPTIONS_METHOD) === 0 && reader.readStringAt(reader.position) === 'OPTIONS';
}

/** Returns a single IP address, else undefined. If the header came twice, one of its values is a lie. */
function parseClientAddress(value: string | undefined): string | undefined {
  return value === undefined || isIP(value) === 0 ? undefined : value;
}

/** Whether a browser sent it ahead of a cross-origin request (https://fetch.spec.whatwg.org/#cors-preflight-request). */
function isPreflight({ headerValues }: ExtractedRequest): boolean {
  return Boolean(headerValues[HEADER.origin]) && Boolean(headerValues[HEADER.requestedMethod]);
}

/** Reads `header_map`. Envoy sends the headers there if its setting `encode_raw_headers` is on. */
function readHeaderMap(reader: WireReader, request: ExtractedRequest): void {
  const outerEnd = reader.enterMessage();
  while (reader.nextField()) {
    if (reader.isField(HEADER_MAP.headers, LENGTH_DELIMITED)) readHeader(reader, request);
    else reader.skipField();
  }
  reader.leaveMessage(outerEnd);
}

function readHeader(reader: WireReader, request: ExtractedRequest): void {
  const entry = readMapEntry(reader);
  if (entry.key === 0) return;
  const index = reader.findNameAt(entry.key, request.names);
  if (index >= 0) {
    const value = readEntryString(reader, entry.value);
    const earlier = request.headerValues[index];
    // HTTP joins repeated headers like this. Two API keys together are not a valid key.
    request.headerValues[index] = earlier === undefined ? value : `${earlier},${value}`;
    // Only Envoy may set this header, and only for Weir: the upstream must not see it.
    if (index === HEADER.clientAddress) request.forgedHeaders.push(reader.readStringAt(entry.key));
  } else if (mayBeWeirHeader(reader, entry.key)) {
    const name = reader.readStringAt(entry.key);
    if (WEIR_HEADER.test(name) && !OVERWRITTEN_HEADERS.has(name.toLowerCase())) request.forgedHeaders.push(name);
  }
}

/**
 * Avoids creating a string for each header: only names whose third letter is a `w` can match WEIR_HEADER. The byte at
 * `key` is the name's length; from 0x80 on the length takes more bytes, and the third letter is elsewhere.
 */
function mayBeWeirHeader(reader: WireReader, key: number): boolean {
  return (reader.byteAt(key + 3) | 0x20) === LETTER_W || reader.byteAt(key) >= 0x80;
}
