import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Resolves to what the command printed, trimmed; rejects with its name and the last line of its complaint. */
export async function run(command: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute(command, args, { maxBuffer: 64 * 2 ** 20 });
    return stdout.trim();
  } catch (error) {
    const complaint = error instanceof Error && 'stderr' in error ? String(error.stderr).trim().split('\n').at(-1) : '';
    throw new Error(`${command}: ${complaint || (error instanceof Error ? error.message : error)}`);
  }
}
