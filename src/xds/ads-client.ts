import { Client, type ClientDuplexStream, Metadata, type StatusObject } from '@grpc/grpc-js';
import { AggregatedDiscoveryServiceService } from '../generated/envoy/service/discovery/v3/ads.ts';
import type { DiscoveryRequest, DiscoveryResponse } from '../generated/envoy/service/discovery/v3/discovery.ts';
import type { Logger } from '../interfaces/logger.ts';
import { type AdsTls, nameServer, readCredentials } from './ads-credentials.ts';
import { type AdsAction, type AdsNode, AdsState, type Backoff } from './ads-state.ts';

export interface AdsClientOptions {
  /** `host:port`. */
  readonly target: string;
  readonly node: AdsNode;
  /** Sent with each stream. */
  readonly headers: ReadonlyMap<string, string>;
  /** undefined: in clear. */
  readonly tls: AdsTls | undefined;
  readonly maxMessageBytes: number;
  readonly backoff: Backoff;
  readonly log: Logger;
  /** Puts the resources of a response in force. Resolves with the fault that prevents it; undefined: none. */
  load(response: DiscoveryResponse): Promise<string | undefined>;
}

/** A server that is gone without a word is noticed after both times. */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 10_000 };

type AdsStream = ClientDuplexStream<DiscoveryRequest, DiscoveryResponse>;

/** Keeps a stream to a management server open, until `stop`. */
export class AdsClient {
  readonly #options: AdsClientOptions;
  readonly #state: AdsState;
  #client: Client | undefined;
  #stream: AdsStream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: AdsClientOptions) {
    this.#options = options;
    this.#state = new AdsState(options.node, options.backoff);
  }

  start(): void {
    const { target, headers, tls, maxMessageBytes } = this.#options;
    try {
      const options = { ...KEEPALIVE, ...nameServer(tls), 'grpc.max_receive_message_length': maxMessageBytes };
      const client = new Client(target, readCredentials(tls), options);
      const metadata = new Metadata();
      for (const [name, value] of headers) metadata.set(name, value);
      const method = AggregatedDiscoveryServiceService.streamAggregatedResources;
      const { path, requestSerialize, responseDeserialize } = method;
      const stream: AdsStream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
      this.#client = client;
      this.#stream = stream;
      this.#listen(stream);
    } catch (error) {
      this.#reopen(error);
      return;
    }
    this.#perform(this.#state.opened());
  }

  /** Ends the stream. No response is loaded afterwards. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#stream?.cancel();
    this.#client?.close();
  }

  #listen(stream: AdsStream): void {
    stream.on('data', (response: DiscoveryResponse) => {
      if (stream === this.#stream) this.#perform(this.#state.received(response));
    });
    stream.on('error', () => undefined); // `status` comes as well, and says the same
    stream.on('status', (status: StatusObject) => {
      if (stream === this.#stream) this.#reopen(status);
    });
  }

  #reopen(cause: unknown): void {
    this.#client?.close();
    this.#client = undefined;
    this.#stream = undefined;
    if (this.#isStopped) return;
    this.#options.log.warn(
      { server: this.#options.target, reason: describe(cause) },
      'the stream of rules ended; the rules stay in force until the server is back',
    );
    this.#perform(this.#state.ended(Math.random()));
  }

  #perform(actions: readonly AdsAction[]): void {
    for (const action of actions) {
      if (this.#isStopped) return;
      if (action.kind === 'send') this.#stream?.write(action.request);
      else if (action.kind === 'load') void this.#load(action.response);
      else this.#timer = setTimeout(() => this.start(), action.afterMs);
    }
  }

  async #load(response: DiscoveryResponse): Promise<void> {
    const fault = await this.#options.load(response);
    this.#perform(this.#state.loaded(response, fault));
  }
}

function describe(cause: unknown): string {
  if (typeof cause === 'object' && cause !== null && 'details' in cause) return String(cause.details) || 'closed';
  return cause instanceof Error ? cause.message : 'unknown';
}
