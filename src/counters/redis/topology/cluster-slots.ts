import calculateSlot from 'cluster-key-slot';
import type { Host } from '../connection/redis-url.ts';

/** Computes the hash slot, 0 to 16,383, of all keys that contain `{tag}`. */
export function computeTagSlot(tag: number): number {
  return calculateSlot(`{${tag}}`);
}

export interface ClusterSlots {
  /** Returns the master of a slot; undefined if the cluster names none. */
  readonly masterForSlot: (slot: number) => Host | undefined;
  /** Masters and replicas. */
  readonly nodes: readonly Host[];
}

/**
 * Parses the reply to CLUSTER SLOTS: `[first, last, [host, port, …], replica, …]`, slots inclusive. An empty host stands
 * for `asked`, the node that replied: it does not know its own address.
 */
export function parseClusterSlots(reply: unknown, asked: Host): ClusterSlots {
  const ranges = asArray(reply).map((range) => {
    const [first, last, ...nodes] = asArray(range);
    return { first: Number(first), last: Number(last), nodes: nodes.map((node) => parseNode(node, asked)) };
  });
  return {
    masterForSlot: (slot) => ranges.find(({ first, last }) => first <= slot && slot <= last)?.nodes[0],
    nodes: ranges.flatMap(({ nodes }) => nodes.filter((node) => node !== undefined)),
  };
}

function parseNode(node: unknown, asked: Host): Host | undefined {
  const [host, port] = asArray(node);
  // `?` means that the cluster prefers host names, and this node has none.
  if (!Number.isInteger(port) || host === '?') return undefined;
  return { host: typeof host === 'string' && host !== '' ? host : asked.host, port: Number(port) };
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** An error of a cluster node that did not execute a script and says why. */
export type ClusterRedirect =
  /** The slot is migrating, and neither the old nor the new master has all of the keys (TRYAGAIN). */
  | { readonly kind: 'try-again' }
  /** Another master has the slot. `ask`: for this call only. */
  | { readonly kind: 'moved' | 'ask'; readonly master: Host };

/**
 * Parses `MOVED 3999 10.0.0.1:6379`, `ASK …` and `TRYAGAIN …`. An empty host stands for `asked`, the node that replied.
 * Returns undefined for any other error.
 */
export function parseRedirect(error: unknown, asked: Host): ClusterRedirect | undefined {
  const message = error instanceof Error ? error.message : '';
  if (message.startsWith('TRYAGAIN ')) return { kind: 'try-again' };
  const [, kind, host = '', port] = /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(message) ?? [];
  if (kind === undefined || host === '?') return undefined;
  return { kind: kind === 'ASK' ? 'ask' : 'moved', master: { host: host || asked.host, port: Number(port) } };
}
