import type { WarningLogger } from '../../../interfaces/logger.ts';
import type { PackedReply } from '../batch/packed-reply.ts';
import type { ConnectionSettings } from '../connection/connection-settings.ts';
import { Deadline } from '../connection/deadline.ts';
import type { Host } from '../connection/redis-url.ts';
import { type BreakerListener, ScriptConnection } from '../connection/script-connection.ts';
import type { Script, ScriptArguments } from '../lua/scripts.ts';
import type { Shards } from './shards.ts';

export interface SingleServerShardsOptions {
  readonly server: Host;
  readonly settingsFor: (server: Host) => ConnectionSettings;
  readonly scripts: readonly Script[];
  readonly deadlineMs: number;
  readonly logger: WarningLogger;
  readonly onBreaker?: BreakerListener | undefined;
}

/** One server. */
export class SingleServerShards implements Shards {
  readonly groupCount = 1;
  readonly #connection: ScriptConnection;
  readonly #deadlineMs: number;

  constructor({ settingsFor, deadlineMs, ...options }: SingleServerShardsOptions) {
    this.#connection = new ScriptConnection({ ...options, settings: settingsFor(options.server) });
    this.#deadlineMs = deadlineMs;
  }

  get ready(): boolean {
    return this.#connection.ready;
  }

  groupForTag(): number {
    return 0;
  }

  run(script: Script, _group: number, scriptArguments: ScriptArguments): Promise<PackedReply> {
    const deadline = new Deadline(this.#deadlineMs);
    return deadline.enforce(this.#connection.run({ script, scriptArguments, deadline }), this.#toStoreUnavailable);
  }

  readonly #toStoreUnavailable = (error: unknown) => this.#connection.toStoreUnavailable(error);

  close(): Promise<void> {
    return this.#connection.close(this.#deadlineMs);
  }
}
