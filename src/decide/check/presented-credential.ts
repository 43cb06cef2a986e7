import type { CredentialFault } from '../../domain/credentials/credential-fault.ts';

/** `configured`: a place that API_KEY_SOURCES names. */
export type CredentialHeader = 'x-api-key' | 'authorization' | 'configured';

/** The credential that a request presents, not yet verified. */
export interface PresentedCredential {
  /** undefined: it is in the query. */
  readonly header: CredentialHeader | undefined;
  readonly secret: string;
  /** Why no secret can be read. undefined: it can. */
  readonly fault?: CredentialFault;
}

/** Findings in the sources of API keys that are configured (API_KEY_SOURCES). */
export interface SourcedCredential {
  /** undefined: the request has none. */
  readonly credential: PresentedCredential | undefined;
  /** Headers to be removed before the request goes upstream. */
  readonly removedHeaders: readonly string[];
  /** Query parameters to be removed, in each spelling of the query. */
  readonly removedParameters: readonly string[];
  /** The header `cookie` for the upstream. undefined: it stays as it is, or is removed. */
  readonly cookie: string | undefined;
  /** Message of a request without a credential. */
  readonly missingMessage: string;
}
