import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ImageConfig } from './image-root.ts';

/**
 * Mounts the root read-only, with an empty /tmp and an empty folder for data, and starts a program in it. The mounts end
 * with the program.
 */
const START = [
  'set -e',
  'mount --bind "$ROOT" "$ROOT"',
  'mount -o remount,ro,bind "$ROOT"',
  'mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"',
  'mount --rbind /dev "$ROOT/dev"',
  'mount -t proc proc "$ROOT/proc"',
  'if [ -d "$ROOT/var/lib/weir" ]; then mount -t tmpfs -o mode=0777 tmpfs "$ROOT/var/lib/weir"; fi',
  'exec env -i "$@"',
].join('\n');

/** The end of a program that ran in a root. */
export interface Ended {
  readonly exitCode: number | null;
  readonly printed: string;
}

/** A program in the root of an image, as a container with a read-only root starts it. Needs to be root. */
export class ProgramInRoot {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #printed = '';

  constructor(root: string, config: ImageConfig, command: readonly string[], environment: Record<string, string> = {}) {
    const variables = Object.entries({ ...config.environment, ...environment }).map(
      ([key, value]) => `${key}=${value}`,
    );
    const user = config.user.includes(':') ? config.user : `${config.user}:${config.user}`;
    const inRoot = [...variables, '/usr/sbin/chroot', `--userspec=${user}`, root, ...command];
    this.#child = spawn('unshare', ['--mount', 'sh', '-c', START, 'sh', ...inRoot], {
      env: { PATH: process.env.PATH, ROOT: root },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#printed += text;
      });
    }
    this.ended = once(this.#child, 'close').then(([exitCode]) => ({ exitCode, printed: this.#printed }));
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  stop(): Promise<Ended> {
    this.#child.kill('SIGTERM');
    return this.ended;
  }
}
