import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Children, pidOf } from '../processes/child-processes.ts';

const SOURCE = fileURLToPath(new URL('floor.c', import.meta.url));

/** Compiles floor.c into the folder and starts it. undefined: it cannot be built here, without a C compiler or Linux. */
export async function startFloor(
  children: Children,
  folder: string,
): Promise<{ port: number; pid: number } | undefined> {
  const program = path.join(folder, 'floor');
  try {
    execFileSync('cc', ['-O2', '-o', program, SOURCE], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const child = spawn(program, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const [line] = await once(createInterface(child.stdout), 'line');
  return { port: Number(line), pid: pidOf(child) };
}
