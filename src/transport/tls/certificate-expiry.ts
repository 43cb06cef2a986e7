import { X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Finds when the first certificate of a chain expires, because clients accept none of it from then on. In ms since 1970.
 * Throws if there is no certificate in the text.
 *
 * @param chain PEM: certificates one after the other, in any order.
 */
export function findExpiry(chain: Buffer): number {
  const certificates = chain.toString('latin1').match(CERTIFICATE);
  if (certificates === null) throw new Error('no certificate in the PEM text');
  return Math.min(...certificates.map((certificate) => new X509Certificate(certificate).validToDate.getTime()));
}
