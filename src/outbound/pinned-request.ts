import { lookup } from 'node:dns/promises';
import { type IncomingMessage, type OutgoingHttpHeaders, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isPublicAddress } from '../domain/issuers/public-address.ts';

export interface PinnedRequest {
  readonly url: URL;
  readonly headers: OutgoingHttpHeaders;
  /** Sent by POST; undefined: the request is a GET. */
  readonly body?: string;
  /** The host may have addresses that are not of the public Internet. */
  readonly allowsPrivate: boolean;
  /** The variable that lists such hosts, for the error. */
  readonly privateHostsVariable: string;
  readonly maxResponseBytes: number;
  /** Ends the request early, whatever it waits for. */
  readonly signal: AbortSignal;
}

export interface PinnedResponse {
  readonly status: number;
  readonly text: string;
}

interface Address {
  readonly address: string;
  readonly family: number;
}

/**
 * Sends a request over http or https. Follows no redirect. Rejects if there is no response, or one that is too long.
 *
 * The host is resolved once, and the connection goes to the address that was checked: a name that resolves to another
 * address the next time cannot lead it into a private network.
 */
export async function requestPinned(request: PinnedRequest): Promise<PinnedResponse> {
  const { url, allowsPrivate, privateHostsVariable, maxResponseBytes, signal } = request;
  const addresses = await resolveHost(url, signal);
  if (!allowsPrivate && !arePublic(addresses)) {
    throw new Error(`${url}: must have public addresses only, or its host must be in ${privateHostsVariable}`);
  }
  const response = await connect(request, addresses);
  try {
    return { status: response.statusCode ?? 0, text: await readBody(response, url, maxResponseBytes) };
  } finally {
    response.destroy();
  }
}

/**
 * Whether `requestPinned` would refuse a URL now, because its host has an address that is not of the public Internet. A host
 * that has no address, or none before the signal aborts, may get a public one.
 */
export async function leadsToPrivateAddress(url: URL, signal: AbortSignal): Promise<boolean> {
  try {
    return !arePublic(await resolveHost(url, signal));
  } catch {
    return false;
  }
}

function arePublic(addresses: readonly Address[]): boolean {
  return addresses.every(({ address }) => isPublicAddress(address));
}

/** The addresses of the host. That of an IP address is itself, without a look-up. */
async function resolveHost({ hostname }: URL, signal: AbortSignal): Promise<readonly Address[]> {
  signal.throwIfAborted();
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return Promise.race([lookup(host, { all: true }), aborted]);
}

function connect(
  { url, headers, body, signal }: PinnedRequest,
  addresses: readonly Address[],
): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  const method = body === undefined ? 'GET' : 'POST';
  const options = { agent: false, method, lookup: pinTo(addresses), headers, signal };
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(signal.aborted ? signal.reason : new Error(`${url}: fetch failed`, { cause }));
    request(url, options, resolve).on('error', fail).end(body);
  });
}

/** A look-up that always finds the addresses that were checked. */
function pinTo(addresses: readonly Address[]): LookupFunction {
  return (_, { all }, callback) => {
    const [first] = addresses;
    if (all === true) callback(null, [...addresses]);
    else if (first === undefined) callback(new Error('the host has no address'), '');
    else callback(null, first.address, first.family);
  };
}

async function readBody(response: IncomingMessage, url: URL, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`${url}: must respond with at most ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const MAX_DESCRIPTION_LENGTH = 1_000;

/** Describes an error of a request in bounded, printable text, with its cause. */
export function describeRequestError(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : { message: String(error), cause: undefined };
  if (!(cause instanceof Error)) return makePrintable(message);
  // An AggregateError, of all addresses of a host, has only a code.
  const reason = cause.message || ('code' in cause ? String(cause.code) : cause.name);
  return makePrintable(`${message}: ${reason}`);
}

function makePrintable(text: string): string {
  return text.slice(0, MAX_DESCRIPTION_LENGTH).replaceAll(/[^\x20-\x7e]/g, '?');
}
