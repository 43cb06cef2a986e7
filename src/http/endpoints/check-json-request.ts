import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { RefusedRequest } from '../refused-request.ts';
import { requireMediaType, requirePost } from '../request-form.ts';

/**
 * Top-level names that the public DNS never has: those of machines, of home and company networks (RFC 6761, RFC 6762,
 * ICANN's `internal`), and `svc`, with which Kubernetes shortens the names of services.
 */
const PRIVATE_TOP_LEVEL_NAMES = new Set(['localhost', 'local', 'internal', 'svc']);
const HOST = /^(?:\[(?<ip>[0-9a-fA-F:.]+)\]|(?<name>[^:[\]/@\s]+))(?::\d{1,5})?$/;

/**
 * Throws RefusedRequest for a request that a web page may have caused, or that is no POST of JSON. `ownName` is the host
 * that the server was configured to listen on. Messages repeat no header: it may be a secret in the wrong place.
 *
 * - A browser sends `Origin` with every POST, and `Sec-Fetch-Site` with every request to this machine or over TLS. Other
 *   clients send neither. A page of another site may send `text/plain` without asking, but for `application/json` its
 *   browser first asks for permission by OPTIONS, which is refused as well.
 * - By DNS rebinding, a page reaches this server under a name of the page's own. Such a name is in the public DNS. A name
 *   of one label, such as `weir`, or with one of PRIVATE_TOP_LEVEL_NAMES, such as `weir.ns.svc.cluster.local`, is not.
 */
export function checkJsonRequest({ method, headers }: IncomingMessage, ownName: string | undefined): void {
  refuseWebPage(headers);
  if (!isAllowedHost(headers.host, ownName)) {
    const message = 'host: must be an IP address, localhost, a name such as weir.ns.svc, or that of JSON_ADDRESS';
    throw new RefusedRequest(403, 'host_not_allowed', message);
  }
  requirePost(method);
  requireMediaType(headers, ['application/json']);
}

/**
 * Throws RefusedRequest for a request that a web page may have caused, or that is no POST, as `checkJsonRequest` does, but
 * takes any media type and any host: envoyproxy/ratelimit does, and a browser sends `Origin` with every POST.
 */
export function checkAnyJsonRequest({ method, headers }: IncomingMessage): void {
  refuseWebPage(headers);
  requirePost(method);
}

function refuseWebPage(headers: IncomingMessage['headers']): void {
  if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return;
  throw new RefusedRequest(403, 'origin_not_allowed', 'headers: must have no origin and no sec-fetch-site');
}

function isAllowedHost(header: string | undefined, ownName: string | undefined): boolean {
  const { ip, name } = HOST.exec(header ?? '')?.groups ?? {};
  if (ip !== undefined) return isIP(ip) === 6;
  if (name === undefined) return false;
  if (isIP(name) === 4 || name.toLowerCase() === ownName?.toLowerCase()) return true;
  const labels = name.toLowerCase().replace(/\.$/, '').split('.');
  return labels.length === 1 || PRIVATE_TOP_LEVEL_NAMES.has(labels.at(-1) ?? '');
}
