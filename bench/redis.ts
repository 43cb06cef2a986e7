import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Children, pidOf } from './children.ts';
import { accepts, freePorts, waitUntil } from './ports.ts';

export interface Redis {
  readonly url: string;
  readonly pid: number;
}

/** Starts the redis-server on the PATH, on a port of its own, without persistence. */
export async function startRedis(children: Children, folder: string): Promise<Redis> {
  const [port = 0] = await freePorts(1);
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', 'maxmemory-policy': 'noeviction', dir: folder };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = children.add(spawn('redis-server', args, { stdio: 'ignore' }));
  await Promise.race([once(child, 'spawn'), once(child, 'error')]); // `once` rejects on 'error'
  const failed = () => (child.exitCode === null ? undefined : `ended with exit code ${child.exitCode}`);
  await waitUntil('redis-server', 10, () => accepts(port), failed);
  return { url: `redis://127.0.0.1:${port}`, pid: pidOf(child) };
}
