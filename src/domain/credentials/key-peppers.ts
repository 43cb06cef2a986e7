/** Texts that are part of the digests of API keys; an empty one stands for digests without a pepper. */
export interface KeyPeppers {
  /** Of new keys. */
  readonly current: string;
  /** Of keys that were created earlier, the newest first. */
  readonly former: readonly string[];
}
