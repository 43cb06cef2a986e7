import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/** Runs a command and returns its trimmed stdout. Rejects with the name of the command and the last line of stderr. */
export async function runCommand(command: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execFileAsync(command, args, { maxBuffer: MAX_OUTPUT_BYTES });
    return stdout.trim();
  } catch (error) {
    const lastLine = error instanceof Error && 'stderr' in error ? String(error.stderr).trim().split('\n').at(-1) : '';
    throw new Error(`${command}: ${lastLine || (error instanceof Error ? error.message : error)}`);
  }
}
