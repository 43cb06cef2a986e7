import { readFileSync } from 'node:fs';

/** USER_HZ, which Linux pins to 100 for everything it prints. */
const TICK_MICROSECONDS = 10_000;

/** CPU time that the processes have used so far, with all their threads, in µs; in steps of 10 ms. */
export function cpuMicroseconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    // The command, in parentheses, may hold spaces; user and system time are the 14th and 15th field.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK_MICROSECONDS;
}

/** Resident memory in KB. */
export function residentKilobytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]);
}
