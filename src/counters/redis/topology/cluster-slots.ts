import type { Host } from '../connection/redis-url.ts';

/** Of a slot, the address of the master that holds it. */
export type MasterOf = (slot: number) => Host | undefined;

const SLOTS = 16_384;
/** CRC-16/XMODEM, by which Redis Cluster maps keys to slots: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ */
const POLYNOMIAL = 0x1021;

/** The slot, 0 to 16,383, of all keys with `{tag}` in them. */
export function computeTagSlot(tag: number): number {
  let crc = 0;
  for (const byte of Buffer.from(`${tag}`)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? POLYNOMIAL : 0)) & 0xffff;
  }
  return crc % SLOTS;
}

export interface ClusterSlots {
  readonly masterForSlot: MasterOf;
  /** Masters and replicas. */
  readonly nodes: readonly Host[];
}

/**
 * Reads the reply to CLUSTER SLOTS: `[first, last, [host, port, …], replica, …]`, slots inclusive. A node that does not
 * know its own host is the one that was asked.
 */
export function parseClusterSlots(reply: unknown, asked: Host): ClusterSlots {
  const ranges = arrayOf(reply).map((range) => {
    const [first, last, ...nodes] = arrayOf(range);
    return { first: Number(first), last: Number(last), nodes: nodes.map((node) => hostOf(node, asked)) };
  });
  return {
    masterForSlot: (slot) => ranges.find(({ first, last }) => first <= slot && slot <= last)?.nodes[0],
    nodes: ranges.flatMap(({ nodes }) => nodes.filter((node) => node !== undefined)),
  };
}

function hostOf(node: unknown, asked: Host): Host | undefined {
  const [host, port] = arrayOf(node);
  if (!Number.isInteger(port) || host === '?') return undefined; // `?`: to be called by a name that it was not given
  return { host: typeof host === 'string' && host !== '' ? host : asked.host, port: Number(port) };
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A node's word that it did not execute a script, and why. */
export type ClusterRedirect =
  /** Neither the master that gives the slot nor the one that gets it has all of the keys. */
  | { readonly kind: 'apart' }
  /** Another master has the slot; with `ask`, for this one call. */
  | { readonly kind: 'moved' | 'ask'; readonly master: Host };

/** Reads `MOVED 3999 10.0.0.1:6379`, `ASK …` and `TRYAGAIN …`; an empty host is the one asked. Else undefined. */
export function parseRedirect(error: unknown, asked: Host): ClusterRedirect | undefined {
  const message = error instanceof Error ? error.message : '';
  if (message.startsWith('TRYAGAIN ')) return { kind: 'apart' };
  const [, kind, host = '', port] = /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(message) ?? [];
  if (kind === undefined || host === '?') return undefined;
  return { kind: kind === 'ASK' ? 'ask' : 'moved', master: { host: host || asked.host, port: Number(port) } };
}
