import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ChildProcesses, requirePid } from '../processes/child-processes.ts';

const SOURCE = fileURLToPath(new URL('floor.c', import.meta.url));

/**
 * Compiles floor.c into the folder and starts it. undefined: this machine cannot compile it, because it has no C
 * compiler or does not run Linux.
 */
export async function startFloor(
  children: ChildProcesses,
  folder: string,
): Promise<{ readonly port: number; readonly pid: number } | undefined> {
  const program = path.join(folder, 'floor');
  try {
    execFileSync('cc', ['-O2', '-o', program, SOURCE], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const child = spawn(program, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.track(child);
  const [firstLine] = await once(createInterface(child.stdout), 'line');
  return { port: Number(firstLine), pid: requirePid(child) };
}
