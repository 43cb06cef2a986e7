import { isLoopbackHost } from '../loopback-host.ts';

/** Hosts, as `host` (any port) or `host:port`, in lower case, IPv6 in brackets. */
export type HostList = ReadonlySet<string>;

const MAX_URL_LENGTH = 2_048;
const HOST_NAME = /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])$/;
const PORT = /:\d{1,5}$/;

/**
 * Validates a URL that keys are fetched from; undefined: it is valid. `isHttpAllowed` decides about URLs with plain http:
 * there, anyone on the network path could substitute their own keys.
 */
export function validateKeyUrl(text: string, isHttpAllowed: (url: URL) => boolean): string | undefined {
  const url = text.length <= MAX_URL_LENGTH && URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isHttpAllowed(url));
  if (url === undefined || !isSafe) {
    return (
      'must be an https URL, or an http URL of this machine (localhost, 127.0.0.1), or, if insecure_http is set, ' +
      'an http URL of a host in INSECURE_HTTP_ISSUER_HOSTS'
    );
  }
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or a password';
  if (url.hash !== '') return 'must not have a fragment';
  return undefined;
}

export function isLoopback({ hostname }: URL): boolean {
  return isLoopbackHost(hostname);
}

/** Whether the hosts contain the host of the URL, with its port or for any port. */
export function hasHost(hosts: HostList, { protocol, hostname, port }: URL): boolean {
  const defaultPort = protocol === 'https:' ? '443' : '80';
  return hosts.has(hostname) || hosts.has(`${hostname}:${port || defaultPort}`);
}

/** Parses a list of hosts that are separated by commas. Returns the first invalid entry as `invalid`. Never throws. */
export function parseHostList(text: string): HostList | { readonly invalid: string } {
  const hosts = new Set<string>();
  for (const entry of text.split(',').map((item) => item.trim())) {
    if (entry === '') continue;
    const host = parseHost(entry);
    if (host === undefined) return { invalid: entry };
    hosts.add(host);
  }
  return hosts;
}

/** Parsed as in the URL that it is compared with: `[0::1]` and `[::1]` are one host. */
function parseHost(entry: string): string | undefined {
  const isPlain = !/[\s/\\@?#%]/.test(entry);
  if (!isPlain || !URL.canParse(`http://${entry}`)) return undefined;
  const { hostname, port } = new URL(`http://${entry}`);
  if (!HOST_NAME.test(hostname)) return undefined;
  return PORT.test(entry) ? `${hostname}:${port || '80'}` : hostname;
}
