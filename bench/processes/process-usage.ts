import { readFileSync } from 'node:fs';

/** USER_HZ, which Linux pins to 100 for everything it prints. */
const TICK_MICROSECONDS = 10_000;

/** CPU time that the processes have used so far, with all their threads, in µs; in steps of 10 ms. */
export function cpuMicroseconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ticks(pid, 14) + ticks(pid, 15), 0) * TICK_MICROSECONDS;
}

/** The same of those children of this process that have ended. */
export function endedChildrenMicroseconds(): number {
  return (ticks(process.pid, 16) + ticks(process.pid, 17)) * TICK_MICROSECONDS;
}

/** A field of /proc/PID/stat by its number in proc(5). */
function ticks(pid: number, field: number): number {
  // The second field, the command in parentheses, may hold spaces.
  const afterCommand = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return Number(afterCommand[field - 3]);
}

/** Resident memory in KB. */
export function residentKilobytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]);
}
