import { Gauge, type Registry } from 'prom-client';
import { registerTallies } from '../read-at-scrape.ts';

/** A listener, as a scrape reads it. */
export interface ObservedListener {
  readonly connections: {
    readonly open: number;
    /** Closed so far because the listener had no room for more. */
    readonly closedForRoom: number;
  };
  /** Counts the calls in progress. Left out: the listener has no streams. */
  readonly countStreams?: () => number;
}

/** Called whenever a certificate comes into use, with the time at which it expires, in ms since 1970. */
interface TlsListener {
  readonly onCertificate: (expiresAt: number) => void;
}

export interface ListenerMetrics {
  /** Adds a listener. `name` is like `decision`. */
  add(name: string, listener: ObservedListener): void;
  /** Adds to the TLS of a listener that the expiry of its certificate is recorded. undefined: the listener has no TLS. */
  observeTls<Tls extends object>(name: string, tls: Tls | undefined): (Tls & TlsListener) | undefined;
}

/** Registers the metrics of listeners: their connections, their streams, and the expiry of their certificates. */
export function createListenerMetrics(registry: Registry): ListenerMetrics {
  const listeners = new Map<string, ObservedListener>();
  new Gauge({
    name: 'weir_connections',
    help: 'Open connections by listener.',
    labelNames: ['listener'],
    registers: [registry],
    collect() {
      for (const [listener, { connections }] of listeners) this.set({ listener }, connections.open);
    },
  });
  new Gauge({
    name: 'weir_streams',
    help: 'Open HTTP/2 streams by listener: calls in progress.',
    labelNames: ['listener'],
    registers: [registry],
    collect() {
      for (const [listener, { countStreams }] of listeners) if (countStreams) this.set({ listener }, countStreams());
    },
  });
  registerTallies(
    registry,
    () => Array.from(listeners, ([listener, { connections }]) => ({ listener, count: connections.closedForRoom })),
    {
      name: 'weir_connections_closed_for_room_total',
      help: 'Connections that were closed because their listener had as many as it may have, by listener.',
      labelNames: ['listener'],
    },
  );
  const expiry = new Gauge({
    name: 'weir_certificate_expiry_timestamp_seconds',
    help: 'Unix time at which the certificate of a listener expires, or one of the authorities in the same file.',
    aggregator: 'min',
    labelNames: ['listener'],
    registers: [registry],
  });
  return {
    add: (name, listener) => void listeners.set(name, listener),
    observeTls: (listener, tls) =>
      tls && { ...tls, onCertificate: (expiresAt) => expiry.set({ listener }, expiresAt / 1000) },
  };
}
