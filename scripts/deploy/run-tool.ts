import { execFile } from 'node:child_process';

/** Output of a program. */
export interface ToolOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that ended with another exit code than 0. */
export class ToolFailed extends Error {
  /** undefined: a signal ended it. Text: it could not be started. */
  readonly exitCode: number | string | null | undefined;

  constructor(exitCode: number | string | null | undefined, output: string) {
    super(`${exitCode}: ${output}`);
    this.exitCode = exitCode;
  }
}

const MAX_OUTPUT_BYTES = 16 * 2 ** 20;

/** Runs a program. Rejects with everything that it printed if it fails. */
export function runTool(program: string, ...args: readonly string[]): Promise<ToolOutput> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(new ToolFailed(error.code, `${program} ${args.join(' ')}\n${stdout}${stderr}`));
    });
  });
}
