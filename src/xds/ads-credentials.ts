import { readFileSync } from 'node:fs';
import { type ChannelOptions, credentials } from '@grpc/grpc-js';

export interface AdsTls {
  /** PEM file of authorities. undefined: those that Node.js knows. */
  readonly caFile: string | undefined;
  /** PEM files of the client's certificate. undefined: it shows none. */
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** The name that the certificate of the server must have. undefined: the host of its address. */
  readonly serverName: string | undefined;
}

/** Reads the files again for each connection, so that certificates can be replaced. Throws if one cannot be read. */
export function readCredentials(tls: AdsTls | undefined): ReturnType<typeof credentials.createInsecure> {
  if (tls === undefined) return credentials.createInsecure();
  const [ca, key, cert] = [tls.caFile, tls.keyFile, tls.certFile].map((file) =>
    file === undefined ? null : readFileSync(file),
  );
  return credentials.createSsl(ca, key, cert);
}

export function nameServer(tls: AdsTls | undefined): ChannelOptions {
  const name = tls?.serverName;
  return name === undefined ? {} : { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name };
}
