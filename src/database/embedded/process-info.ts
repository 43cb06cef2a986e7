import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * The start time of a process, in the system's own format. Together with the pid it identifies a process: pids are
 * reused. Undefined if no such process runs.
 */
export async function readProcessStartTime(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return readPs(pid, 'lstart=');
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc_pid_stat(5): the second field, the command, may contain spaces and parentheses. The third field, the state,
    // follows the last parenthesis; the start time is field 22.
    const fieldsFromThird = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const { 0: state, 19: startTime } = fieldsFromThird;
    return state === 'Z' ? undefined : startTime;
  } catch {
    return undefined;
  }
}

/** The command line of a process; undefined if no such process runs. */
export async function readProcessCommand(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return readPs(pid, 'command=');
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || undefined;
  } catch {
    return undefined;
  }
}

async function readPs(pid: number, column: string): Promise<string | undefined> {
  try {
    const { stdout } = await run('ps', ['-o', column, '-p', String(pid)], {
      env: { LC_ALL: 'C', PATH: '/bin:/usr/bin' },
    });
    return stdout.trim() || undefined;
  } catch {
    return undefined; // ps exits with 1 if there is no such process
  }
}
