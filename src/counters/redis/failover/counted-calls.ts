import { formatHistoryKeys } from '../batch/counter-key.ts';
import type { PackedReply } from '../batch/packed-reply.ts';
import type { RunOptions } from '../connection/deadline.ts';
import { OtherHistory } from '../connection/script-connection.ts';
import type { ServerHistory } from '../history/server-history.ts';
import type { Script, ScriptArguments } from '../lua/scripts.ts';
import { type Shards, SlotMigrating } from '../topology/shards.ts';
import type { HistoryKeeper } from './history-keeper.ts';

/** A reply, and the sequence that its script got. 0: it changed nothing, or has no sequence. */
export interface CountedReply {
  readonly reply: PackedReply;
  readonly sequence: number;
  /** History of the server that has replaced the one that replied. undefined: none has. */
  readonly successor: ServerHistory | undefined;
}

export interface CountedOptions extends Pick<RunOptions, 'deadlineMs' | 'patienceMs'> {
  /** Called with a reply that comes after the deadline. */
  readonly onLateReply?: (counted: CountedReply) => void;
  /** Whether the call is part of a repair, so that it is sent although the group is held. */
  readonly isRepair?: boolean;
}

/** Runs scripts that change counters. Each advances the sequence of its group in the same step. */
export class CountedCalls {
  readonly #shards: Shards;
  readonly #keeper: HistoryKeeper;
  /** By group. */
  readonly #sequenceKeys: readonly string[];

  constructor(shards: Shards, keeper: HistoryKeeper, keyPrefix: string) {
    this.#shards = shards;
    this.#keeper = keeper;
    this.#sequenceKeys = Array.from(
      { length: shards.groupCount },
      (_, group) => formatHistoryKeys(keyPrefix, group).sequence,
    );
  }

  /**
   * Runs a script like `Shards.run`. Rejects with StoreUnavailable while the group is held, and when its server has another
   * history than this node has seen.
   */
  async run(script: Script, group: number, call: ScriptArguments, options: CountedOptions = {}): Promise<CountedReply> {
    const { deadlineMs, patienceMs, onLateReply, isRepair } = options;
    if (isRepair !== true) {
      // Again, because the group may have another server by then.
      for (let opening = this.#keeper.admit(group); opening !== undefined; opening = this.#keeper.admit(group))
        await opening;
    }
    const runOptions: RunOptions = {
      deadlineMs,
      ...(patienceMs !== undefined && { patienceMs }),
      ...(onLateReply !== undefined && { onLateReply: (reply) => onLateReply(this.#take(group, reply)) }),
    };
    try {
      const seen = this.#keeper.seen(group);
      return this.#take(group, await this.#shards.run(script, group, this.#addSequence(call, group, seen), runOptions));
    } catch (error) {
      if (error instanceof OtherHistory) this.#keeper.reopen(group);
      if (!(error instanceof SlotMigrating)) throw error;
      // The sequence and the counters may be on different masters. Alone, each counter can be reached.
      return this.#take(group, await this.#shards.run(script, group, withoutSequence(call), runOptions));
    }
  }

  #addSequence({ keys, args }: ScriptArguments, group: number, seen: number): ScriptArguments {
    const key = this.#sequenceKeys[group];
    return seen === 0 || key === undefined
      ? withoutSequence({ keys, args })
      : { keys: [...keys, key], args: [...args, seen] };
  }

  #take(group: number, reply: PackedReply): CountedReply {
    const sequence = reply.takeSequence();
    const successor = sequence > 0 ? this.#keeper.note(group, sequence) : undefined;
    return { reply, sequence, successor };
  }
}

function withoutSequence({ keys, args }: ScriptArguments): ScriptArguments {
  return { keys, args: [...args, 0] };
}
