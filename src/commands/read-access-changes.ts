import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { ACCESS_CHANGE_MESSAGE, type AccessChange } from '../domain/access-change.ts';
import { CommandFailed } from './command-failed.ts';

/** An access change, and when it was logged. */
export interface LoggedAccessChange {
  readonly change: AccessChange;
  /** In ISO 8601, so that the order of texts is the order of times. */
  readonly time: string;
}

/**
 * Reads the newest access changes from logs of Weir: for each entity whether it may be used, its expiry, and
 * whether it is blocked. Logs of
 * several nodes have the same changes. Throws CommandFailed if a file cannot be read or has no line of Weir's log.
 */
export async function readAccessChanges(files: readonly string[]): Promise<readonly LoggedAccessChange[]> {
  const newest = new Map<string, LoggedAccessChange>();
  for (const file of files) {
    let isLog = false;
    for await (const line of readLines(file)) {
      isLog ||= line.includes('"msg":');
      if (!line.includes(`"msg":"${ACCESS_CHANGE_MESSAGE}"`)) continue;
      for (const logged of parseLine(line)) keepNewest(newest, logged);
    }
    if (!isLog) throw new CommandFailed(`${file}: must be a log of Weir (no line has a msg)`);
  }
  return [...newest.values()].sort((a, b) => (a.time < b.time ? -1 : 1));
}

async function* readLines(file: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(file) });
  } catch (error) {
    throw new CommandFailed(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Log collectors put text before the JSON, such as the name of the container. */
function parseLine(line: string): readonly LoggedAccessChange[] {
  try {
    // The cast holds for lines with this message, which only Weir writes.
    const { time, changes } = JSON.parse(line.slice(line.indexOf('{'))) as { time: string; changes: AccessChange[] };
    return changes.map((change) => ({ change, time }));
  } catch {
    return []; // a line that was cut off
  }
}

function keepNewest(newest: Map<string, LoggedAccessChange>, logged: LoggedAccessChange): void {
  const { entity, id, state } = logged.change;
  const isBlock = state === 'blocked' || state === 'unblocked';
  const key = JSON.stringify([entity, id, state === 'expires', isBlock]);
  const former = newest.get(key);
  if (former === undefined || former.time <= logged.time) newest.set(key, logged);
}
