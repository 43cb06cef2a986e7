import type { StoreLogger } from '../../../interfaces/logger.ts';
import type { PackedReply } from '../batch/packed-reply.ts';
import type { ConnectionSettingsFactory } from '../connection/connection-settings.ts';
import { Deadline, type RunOptions } from '../connection/deadline.ts';
import { formatHost, type Host } from '../connection/redis-url.ts';
import { type ConnectionListeners, ScriptConnection } from '../connection/script-connection.ts';
import type { Script, ScriptArguments } from '../lua/scripts.ts';
import type { Shards } from './shards.ts';

export interface SingleServerShardsOptions extends ConnectionListeners {
  readonly server: Host;
  readonly settings: ConnectionSettingsFactory;
  readonly scripts: readonly Script[];
  readonly deadlineMs: number;
  readonly logger: StoreLogger;
}

/** One server. */
export class SingleServerShards implements Shards {
  readonly groupCount = 1;
  readonly #server: string;
  readonly #connection: ScriptConnection;
  readonly #deadlineMs: number;
  readonly #settings: ConnectionSettingsFactory;

  constructor({ settings, deadlineMs, ...options }: SingleServerShardsOptions) {
    this.#settings = settings;
    this.#connection = new ScriptConnection({ ...options, settings: settings.forServer(options.server) });
    this.#server = formatHost(options.server);
    this.#deadlineMs = deadlineMs;
  }

  get ready(): boolean {
    return this.#connection.ready;
  }

  groupForTag(): number {
    return 0;
  }

  incarnationFor(): number {
    return this.#connection.incarnation;
  }

  serverFor(): string {
    return this.#server;
  }

  canHaveMoved(): boolean {
    return false;
  }

  canSend(): boolean {
    return this.#connection.canSend;
  }

  run(script: Script, _group: number, scriptArguments: ScriptArguments, options?: RunOptions): Promise<PackedReply> {
    const deadline = new Deadline(this.#deadlineMs, options);
    return deadline.enforce(this.#connection.run({ script, scriptArguments, deadline }), this.#toStoreUnavailable);
  }

  readonly #toStoreUnavailable = (error: unknown) => this.#connection.toStoreUnavailable(error);

  close(): Promise<void> {
    this.#settings.close();
    return this.#connection.close(this.#deadlineMs);
  }
}
