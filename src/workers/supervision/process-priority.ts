import { readdirSync } from 'node:fs';
import os from 'node:os';

/**
 * Sets the priority of all threads of a process, from -20 (highest) to 19. On Linux a priority belongs to a thread, so
 * that of the main thread alone would leave out the threads that hash passwords. Throws EACCES or EPERM for a process
 * that may not have this priority.
 */
export function setProcessPriority(pid: number, priority: number): void {
  for (const thread of listThreads(pid)) {
    try {
      os.setPriority(thread, priority);
    } catch (error) {
      if (!isSystemError(error) || error.info.code !== 'ESRCH') throw error; // ESRCH: the thread has ended since
    }
  }
}

function listThreads(pid: number): readonly number[] {
  return process.platform === 'linux' ? readdirSync(`/proc/${pid}/task`).map(Number) : [pid];
}

/** The errors of node:os name their system error in `info`. */
function isSystemError(error: unknown): error is Error & { readonly info: { readonly code: string } } {
  return error instanceof Error && 'info' in error;
}
