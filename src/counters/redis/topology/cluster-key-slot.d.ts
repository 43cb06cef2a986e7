/** The package has no types of its own. ioredis uses it for its cluster client. */
declare module 'cluster-key-slot' {
  /** Computes the hash slot of a key, 0 to 16,383. Only the part between the first braces counts, if there is one. */
  export default function calculateSlot(key: string): number;
}
