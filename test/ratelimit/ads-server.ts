import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { AggregatedDiscoveryServiceService } from '../../src/generated/envoy/service/discovery/v3/ads.ts';
import type { DiscoveryRequest, DiscoveryResponse } from '../../src/generated/envoy/service/discovery/v3/discovery.ts';
import { RateLimitConfig } from '../../src/generated/ratelimit/config/ratelimit/v3/rls_conf.ts';
import { RATE_LIMIT_CONFIG_TYPE } from '../../src/xds/ads-state.ts';
import { waitUntil } from '../support/wait-until.ts';

type Stream = ServerDuplexStream<DiscoveryRequest, DiscoveryResponse>;
export type AdsResource = Parameters<typeof RateLimitConfig.fromPartial>[0];

/** A management server with rules, for one client at a time. */
export class AdsServer {
  readonly #server: Server;
  readonly port: number;
  /** Requests of the client, over all streams. */
  readonly requests: DiscoveryRequest[] = [];
  /** Headers of the last stream. */
  headers: Readonly<Record<string, unknown>> = {};
  #stream: Stream | undefined;
  #nonce = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.addService(AggregatedDiscoveryServiceService, {
      streamAggregatedResources: (stream: Stream) => {
        this.#stream = stream;
        this.headers = stream.metadata.getMap();
        stream.on('data', (request: DiscoveryRequest) => this.requests.push(request));
        stream.on('error', () => undefined);
        stream.on('end', () => stream.end());
      },
    });
  }

  /** Listens on the port; 0: a free one. */
  static async start(port = 0, credentials = ServerCredentials.createInsecure()): Promise<AdsServer> {
    const server = new Server();
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, credentials, (error, found) => (error ? reject(error) : resolve(found)));
    });
    return new AdsServer(server, bound);
  }

  /** Waits for a stream, sends all resources and returns the client's answer. */
  async publish(version: string, resources: readonly AdsResource[]): Promise<DiscoveryRequest> {
    await waitUntil(() => this.#stream !== undefined && this.requests.length > 0);
    const nonce = `${++this.#nonce}`;
    this.#stream?.write({
      versionInfo: version,
      nonce,
      typeUrl: RATE_LIMIT_CONFIG_TYPE,
      resources: resources.map((resource) => ({
        typeUrl: RATE_LIMIT_CONFIG_TYPE,
        value: Buffer.from(RateLimitConfig.encode(RateLimitConfig.fromPartial(resource)).finish()),
      })),
    });
    const find = () => this.requests.find(({ responseNonce }) => responseNonce === nonce);
    await waitUntil(() => find() !== undefined);
    const answer = find();
    if (answer === undefined) throw new Error('the answer is gone');
    return answer;
  }

  stop(): void {
    this.#server.forceShutdown();
  }
}
