import type { DiscoveryRequest, DiscoveryResponse } from '../generated/envoy/service/discovery/v3/discovery.ts';

export const RATE_LIMIT_CONFIG_TYPE = 'type.googleapis.com/ratelimit.config.ratelimit.v3.RateLimitConfig';

/** The client that asks for resources. */
export type AdsNode = NonNullable<DiscoveryRequest['node']>;

/** Waits between streams, in ms. */
export interface Backoff {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Whether a wait is spread over its upper half, so that nodes do not come back at the same time. */
  readonly hasJitter: boolean;
}

/** The next step of the stream. */
export type AdsAction =
  | { readonly kind: 'send'; readonly request: DiscoveryRequest }
  /** Load the resources of the response, then call `loaded`. */
  | { readonly kind: 'load'; readonly response: DiscoveryResponse }
  /** Open another stream after this time, in ms. */
  | { readonly kind: 'reopen'; readonly afterMs: number };

const NONE: readonly AdsAction[] = [];
/** google.rpc.Code.INVALID_ARGUMENT */
const INVALID_ARGUMENT = 3;
/** Servers log the detail of a rejection. Rules can have thousands of faults. */
const MAX_DETAIL_LENGTH = 4096;

/**
 * The state of the aggregated discovery service for one type of resource. It has no clock and does no I/O: each method
 * is an event and returns what to do.
 *
 * A response is loaded while the next ones may arrive. Of these only the last counts, because each has all resources;
 * servers ignore answers to others.
 */
export class AdsState {
  readonly #node: AdsNode;
  readonly #backoff: Backoff;
  /** Version of the resources in force. Empty: none, or those of an earlier stream. */
  #version = '';
  #loading: DiscoveryResponse | undefined;
  /** Arrived while another one is being loaded. */
  #next: DiscoveryResponse | undefined;
  /** Streams in a row that ended without a response. */
  #failures = 0;

  constructor(node: AdsNode, backoff: Backoff) {
    this.#node = node;
    this.#backoff = backoff;
  }

  /**
   * A stream was opened. The first request has no version: a server that has restarted may begin to count
   * versions again, and would then not send resources that have changed.
   */
  opened(): readonly AdsAction[] {
    this.#version = '';
    this.#loading = undefined;
    this.#next = undefined;
    return [this.#send('', this.#node)];
  }

  received(response: DiscoveryResponse): readonly AdsAction[] {
    this.#failures = 0;
    if (response.typeUrl !== RATE_LIMIT_CONFIG_TYPE) {
      return [this.#reject(response, `type_url: must be ${RATE_LIMIT_CONFIG_TYPE}`)];
    }
    if (this.#loading === undefined) return this.#load(response);
    this.#next = response;
    return NONE;
  }

  /**
   * A response was loaded. `fault` says why its resources are not in force; undefined: they are. Ignored if the response
   * is one of an earlier stream.
   */
  loaded(response: DiscoveryResponse, fault: string | undefined): readonly AdsAction[] {
    if (response !== this.#loading) return NONE;
    this.#loading = undefined;
    if (fault === undefined) this.#version = response.versionInfo;
    const answer = fault === undefined ? this.#send(response.nonce) : this.#reject(response, fault);
    const next = this.#next;
    this.#next = undefined;
    return next === undefined ? [answer] : [answer, ...this.#load(next)];
  }

  /** The stream has ended, or could not be opened. `random` is from 0 up to 1. */
  ended(random: number): readonly AdsAction[] {
    this.#loading = undefined;
    this.#next = undefined;
    const { initialMs, maxMs, hasJitter } = this.#backoff;
    const waitMs = Math.min(maxMs, initialMs * 2 ** this.#failures);
    if (waitMs < maxMs) this.#failures++;
    return [{ kind: 'reopen', afterMs: Math.round(hasJitter ? waitMs * (0.5 + random / 2) : waitMs) }];
  }

  #load(response: DiscoveryResponse): readonly AdsAction[] {
    this.#loading = response;
    return [{ kind: 'load', response }];
  }

  #reject({ nonce }: DiscoveryResponse, fault: string): AdsAction {
    return this.#send(nonce, undefined, {
      code: INVALID_ARGUMENT,
      message: fault.slice(0, MAX_DETAIL_LENGTH),
      details: [],
    });
  }

  #send(nonce: string, node?: AdsNode, errorDetail?: DiscoveryRequest['errorDetail']): AdsAction {
    const request = {
      versionInfo: this.#version,
      node,
      resourceNames: [],
      typeUrl: RATE_LIMIT_CONFIG_TYPE,
      responseNonce: nonce,
      errorDetail,
    };
    return { kind: 'send', request };
  }
}
