import type { CounterSpec } from '../../domain/counting/counter-spec.ts';

/** A subject as a table keeps it. */
export interface KeptSubject {
  readonly text: string;
  /** Whether the text is the digest of a long subject, in hexadecimal. */
  readonly isDigest: boolean;
}

/** A counter outside of its table. */
export interface StoredCounter {
  /** Identity of its limit. */
  readonly identity: string;
  readonly spec: CounterSpec;
  readonly subject: KeptSubject;
  /** In the format of packed-counter.ts. */
  readonly packed: Uint8Array;
}
