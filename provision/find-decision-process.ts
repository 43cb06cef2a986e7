import { readFileSync } from 'node:fs';

/** Returns the pid of the process that decides, by that of its control process; undefined: it is not there (yet). */
export function findDecisionProcess(controlPid: number): number | undefined {
  return findChildren(controlPid, 'decision-worker')[0];
}

/** Returns the pid of the primary process of a node with several workers; undefined: it is not there (yet). */
export function findPrimaryProcess(controlPid: number): number | undefined {
  return findChildren(controlPid, 'decision-primary')[0];
}

/** Returns the pids of the workers of a node with several, in the order of their start. */
export function findWorkerProcesses(controlPid: number): readonly number[] {
  const primaryPid = findPrimaryProcess(controlPid);
  return primaryPid === undefined ? [] : findChildren(primaryPid, 'decision-worker');
}

function findChildren(pid: number, program: string): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.filter((child) => child !== '' && readCommand(child).includes(program)).map(Number);
}

function readCommand(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}
