import type { ServerHistory } from '../history/server-history.ts';
import type { ScriptArguments } from '../lua/scripts.ts';
import { formatHistoryKeys } from './counter-key.ts';
import type { PackedReply } from './packed-reply.ts';

export interface HistoryQuestion {
  /** Highest sequence that the node has seen; 0: none. */
  readonly seen: number;
  /** Name of the node. Empty: it does not count among those that others wait for. */
  readonly node: string;
  /** Epoch whose losses the node has charged again; 0: none. */
  readonly repairedEpoch: number;
  /** Whether the tag may have moved here from another master, with nothing lost. */
  readonly mayHaveMoved: boolean;
}

/** Value of the reason in the reply; 2 stands for a shorter history. */
const EMPTY = 1;

/** Builds a call of the history script. */
export function buildHistoryCall(prefix: string, tag: number, question: HistoryQuestion): ScriptArguments {
  const { sequence, record } = formatHistoryKeys(prefix, tag);
  const { seen, node, repairedEpoch, mayHaveMoved } = question;
  return { keys: [sequence, record], args: [seen, node, repairedEpoch, mayHaveMoved ? 1 : 0] };
}

/** Reads the reply of the history script. */
export function parseServerHistory(reply: PackedReply): ServerHistory {
  const sequence = reply.readUint56();
  const startedAt = reply.readUint56();
  const kind = reply.readUint24() === EMPTY ? 'empty' : 'shorter';
  const repairedNodes = reply.readUint24();
  const epochEnds: number[] = [];
  while (!reply.isFullyRead) epochEnds.push(reply.readUint56());
  return { timeMicros: reply.timeMicros, sequence, startedAt, kind, repairedNodes, epochEnds };
}
