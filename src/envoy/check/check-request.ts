import { isIP } from 'node:net';
import type { CheckQuestion } from '../../decide/check/check-question.ts';
import type { SourcedCredential } from '../../decide/check/presented-credential.ts';
import { applyContextExtension } from '../routes/context-extensions.ts';
import { readRouteAnnotations } from '../routes/route-annotations.ts';
import { addSettings, addTableSettings, DEFAULT_ROUTE_SETTINGS, type RouteSettings } from '../routes/route-settings.ts';
import { decodeMessage } from '../wire/decode-message.ts';
import { readEntryString, readMapEntry } from '../wire/map-entry.ts';
import { buildNameTable, type NameTable } from '../wire/name-table.ts';
import { LENGTH_DELIMITED, type WireReader } from '../wire/wire-reader.ts';
import { type CheckExtraction, HEADER, prepareCheckExtraction, type RouteSource } from './check-extraction.ts';
import { readPeerAddress } from './peer-address.ts';
import { findQueryKey, NO_QUERY_KEY, type QueryKey } from './query-key.ts';
import { findSourcedCredential, type KeySources } from './sourced-credential.ts';

const MESSAGE_TYPE = 'envoy.service.auth.v3.CheckRequest';

// Field numbers of envoy.service.auth.v3 (proto/envoy/service/auth/v3).
const CHECK_REQUEST = { attributes: 1 };
const ATTRIBUTE_CONTEXT = { source: 1, request: 4, contextExtensions: 10, routeMetadataContext: 13 };
const REQUEST = { http: 2 };
const HTTP_REQUEST = { method: 2, headers: 3, path: 4, host: 5, headerMap: 13 };
const HEADER_MAP = { headers: 1 };

const OPTIONS_METHOD = buildNameTable(['options']);

/** Names that a later hop may take for Weir's own: CGI-style upstreams treat `_` and `-` as the same. */
const WEIR_HEADER = /^x[-_]weir[-_]/i;
const OVERWRITTEN_HEADERS = new Set(['x-weir-account', 'x-weir-key', 'x-weir-plan']);
const LETTER_W = 'w'.charCodeAt(0);

interface ExtractedRequest {
  /** The headers to look for. */
  names: NameTable;
  /** Indexed by HEADER; undefined: absent. */
  readonly headerValues: (string | undefined)[];
  readonly forgedHeaders: string[];
  queryKey: QueryKey;
  /** Empty unless a route table, or a source of API keys in the query, reads it. */
  path: string;
  /** Empty unless there is a route table. */
  method: string;
  /** Empty unless there is a route table. */
  host: string;
  /** Index of the header `cookie`; -1: no source reads it. */
  readonly cookieIndex: number;
}

interface ExtractedAttributes {
  sourceAddress: string | undefined;
  request: ExtractedRequest;
  /** From the context extensions. */
  settings: RouteSettings;
  /** From the annotations of the route's resources. */
  annotations: RouteSettings;
}

const DEFAULT_EXTRACTION = prepareCheckExtraction({});
const NO_REQUEST: ExtractedRequest = {
  names: DEFAULT_EXTRACTION.headers,
  headerValues: [],
  forgedHeaders: [],
  queryKey: NO_QUERY_KEY,
  path: '',
  method: '',
  host: '',
  cookieIndex: -1,
};
const NO_ATTRIBUTES: ExtractedAttributes = {
  sourceAddress: undefined,
  request: NO_REQUEST,
  settings: DEFAULT_ROUTE_SETTINGS,
  annotations: DEFAULT_ROUTE_SETTINGS,
};

/**
 * Decodes the parts of a CheckRequest that Check uses and skips the rest, which is most of its 350 to 1,400 bytes. Throws
 * InvalidRequest on bytes that are not such a message.
 */
export function decodeCheckRequest(message: Uint8Array, extraction = DEFAULT_EXTRACTION): CheckQuestion {
  const attributes = decodeMessage(MESSAGE_TYPE, message, (reader) => readCheckRequest(reader, extraction));
  const { request } = attributes;
  const { headerValues } = request;
  const settings = combineSettings(attributes, extraction.routes);
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
    allowsAnonymous: settings.auth !== 'required',
    isAllowedPreflight: settings.allowsPreflight && isPreflight(request),
    cost: settings.cost,
    // A source that requires features wins over one that needs no credential.
    ignoresCredential: settings.auth === 'none' && settings.requiredFeatures.length === 0,
    pathFault: settings.pathFault,
    configurationFault: settings.configurationFault,
    forgedHeaders: request.forgedHeaders,
    queryKey: request.queryKey.value,
    queryKeyNames: request.queryKey.names,
    sourced: extraction.keySources && findSourced(extraction.keySources, extraction, request),
  };
}

/** In order of precedence: the context extensions, the annotations, the route table. */
function combineSettings(
  { request, settings: extensions, annotations }: ExtractedAttributes,
  routes: RouteSource | undefined,
): RouteSettings {
  const settings = addSettings(extensions, annotations);
  return routes === undefined ? settings : addTableSettings(settings, routes.table, request, isPreflight(request));
}

function findSourced(
  sources: KeySources,
  { sourceHeaders, cookieIndex }: CheckExtraction,
  { headerValues, path }: ExtractedRequest,
): SourcedCredential {
  return findSourcedCredential(sources, {
    authorization: headerValues[HEADER.authorization],
    cookie: headerValues[cookieIndex],
    path,
    header: (name) => headerValues[sourceHeaders.get(name) ?? HEADER.apiKey],
  });
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
      attributes.settings = applyContextExtension(reader, attributes.settings, extraction.unknownExtensions);
    } else if (reader.isField(ATTRIBUTE_CONTEXT.routeMetadataContext, LENGTH_DELIMITED)) {
      attributes.annotations = readRouteAnnotations(reader, extraction.unknownExtensions);
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
    path: '',
    method: '',
    host: '',
    cookieIndex: extraction.cookieIndex,
  };
  while (reader.nextField()) {
    if (reader.isField(HTTP_REQUEST.headers, LENGTH_DELIMITED)) readHeader(reader, request);
    else if (reader.isField(HTTP_REQUEST.method, LENGTH_DELIMITED)) {
      // Envoy writes fields in the order of their numbers, so the method comes before the headers. If it did not, a
      // preflight would not be recognized and would be denied.
      if (isOptionsMethod(reader)) request.names = extraction.optionsHeaders;
      if (extraction.routes === undefined) reader.skipField();
      else request.method = reader.readString();
    } else if (reader.isField(HTTP_REQUEST.headerMap, LENGTH_DELIMITED)) readHeaderMap(reader, request);
    else if (extraction.readsPath && reader.isField(HTTP_REQUEST.path, LENGTH_DELIMITED)) {
      request.path = reader.readString();
      const { keyParameter } = extraction;
      if (keyParameter !== undefined) request.queryKey = findQueryKey(request.path, keyParameter);
    } else if (extraction.routes !== undefined && reader.isField(HTTP_REQUEST.host, LENGTH_DELIMITED)) {
      request.host = reader.readString();
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
    if (earlier === undefined) request.headerValues[index] = value;
    // Cookies may come in several lines (RFC 9113, section 8.2.3).
    else request.headerValues[index] = `${earlier}${index === request.cookieIndex ? ';' : ','}${value}`;
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
