import { readFileSync } from 'node:fs';

/** Length of a clock tick in /proc. Linux pins USER_HZ to 100. */
const TICK_MICROS = 10_000;

/** Numbers of the fields of /proc/PID/stat, as in proc(5). Times are in ticks. */
const StatField = { USER_TIME: 14, SYSTEM_TIME: 15, CHILDREN_USER_TIME: 16, CHILDREN_SYSTEM_TIME: 17 };

/** CPU time that processes have used so far, with all their threads, in µs. Its resolution is 10 ms. */
export function readCpuMicros(pids: readonly number[]): number {
  const ticks = (pid: number) => readStatField(pid, StatField.USER_TIME) + readStatField(pid, StatField.SYSTEM_TIME);
  return pids.reduce((sum, pid) => sum + ticks(pid), 0) * TICK_MICROS;
}

/** CPU time that those children of this process that have ended used, in µs. */
export function readEndedChildrenCpuMicros(): number {
  const { CHILDREN_USER_TIME, CHILDREN_SYSTEM_TIME } = StatField;
  return (
    (readStatField(process.pid, CHILDREN_USER_TIME) + readStatField(process.pid, CHILDREN_SYSTEM_TIME)) * TICK_MICROS
  );
}

/** Resident memory of a process in KB. */
export function readResidentKb(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]);
}

function readStatField(pid: number, field: number): number {
  // The second field is the command in parentheses. It may contain spaces, so the fields are counted from its end.
  const afterCommand = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return Number(afterCommand[field - 3]);
}
