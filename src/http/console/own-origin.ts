/** The characters of a host and a port. Others would begin another part of a URL. */
const HOST_AND_PORT = /^[^\s/?#@\\]+$/;

/** Reads the origin that a browser calls from the header `host`. undefined: the header is missing, or names no host. */
export function readOwnOrigin(host: string | undefined, protocol: 'http' | 'https'): URL | undefined {
  if (host === undefined || !HOST_AND_PORT.test(host)) return undefined;
  const url = `${protocol}://${host}`;
  return URL.canParse(url) ? new URL(url) : undefined;
}
