/** The parts of a client's certificate that name it, as `TLSSocket.getPeerCertificate` returns them. */
export interface NamedCertificate {
  readonly subject?: { readonly CN?: string | string[] };
  /** Such as `DNS:envoy.edge, URI:spiffe://example.org/envoy`. Node quotes values with special characters as in JSON. */
  readonly subjectaltname?: string | undefined;
}

/** The names that a certificate gives its holder. */
export interface ClientIdentity {
  /** URIs of the subject alternative names, such as SPIFFE ids. */
  readonly uris: readonly string[];
  /** DNS names of the subject alternative names, and the common name of the subject. */
  readonly names: readonly string[];
}

/** One entry of `subjectaltname`: its type and its value, quoted or not. */
const ALTERNATIVE_NAME = /(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)/g;

export function readClientIdentity({ subject, subjectaltname = '' }: NamedCertificate): ClientIdentity {
  const uris: string[] = [];
  const names: string[] = [subject?.CN ?? []].flat();
  for (const [, type, text = ''] of subjectaltname.matchAll(ALTERNATIVE_NAME)) {
    const value = text.startsWith('"') ? String(JSON.parse(text)) : text;
    if (type === 'URI') uris.push(value);
    else if (type === 'DNS') names.push(value);
  }
  return { uris, names };
}

/**
 * Whether a list of identities contains one of the client's. An entry with `://` is a URI, and equals only URIs: a
 * certificate authority may let its clients choose their common names. An entry that ends in `/*` stands for all URIs
 * below it. All other entries are names, compared without regard to case.
 */
export function isAllowedIdentity(allowed: readonly string[], { uris, names }: ClientIdentity): boolean {
  return allowed.some((entry) => {
    if (!entry.includes('://')) return names.some((name) => name.toLowerCase() === entry.toLowerCase());
    if (entry.endsWith('/*')) return uris.some((uri) => uri.startsWith(entry.slice(0, -1)));
    return uris.includes(entry);
  });
}
