import { readPackageVersion } from '../commands/package-version.ts';
import { type Config, InvalidConfig } from '../config/config.ts';
import { LogOutput } from '../decision-log/log-output.ts';
import { RotatingFile } from '../decision-log/rotating-file.ts';
import type { ErrorReporter } from '../telemetry/errors/error-reporter.ts';
import { createLogger, type Logger, type LogOrigin } from '../telemetry/logger.ts';

/** The log of a process that serves. */
export interface ServiceLog {
  readonly log: Logger;
  /** Where its lines go. */
  readonly output: LogOutput;
  /** undefined: errors are in the log only. */
  readonly reporter: ErrorReporter | undefined;
}

type LogSettings = Pick<Config, 'logLevel' | 'logFile' | 'sentryDsn'>;

/**
 * Opens the log of the control process, or of a service that is one process. No line waits for its reader, the end of the
 * process included. Throws InvalidConfig.
 */
export async function openServiceLog(settings: LogSettings): Promise<ServiceLog> {
  const { logFile } = settings;
  const output = new LogOutput(logFile && openFile(logFile, (message) => opened.log.warn(message)));
  output.finishAtExit();
  const opened = await openProcessLog(settings, { process: 'control' }, output);
  return opened;
}

/** Opens the log of a process. The client of Sentry is loaded only if there is a DSN. */
export async function openProcessLog(
  { logLevel, sentryDsn }: Omit<LogSettings, 'logFile'>,
  origin: LogOrigin,
  output: LogOutput,
): Promise<ServiceLog> {
  if (sentryDsn === undefined) return { log: createLogger(logLevel, origin, output), output, reporter: undefined };
  const { createErrorReporter } = await import('../telemetry/errors/error-reporter.ts');
  const reporter = createErrorReporter(sentryDsn, readPackageVersion());
  const write = (line: string): void => {
    output.write(line);
    reporter.take(line);
  };
  return { log: createLogger(logLevel, origin, { write }), output, reporter };
}

/** `warn` logs a warning, once there is a logger. */
function openFile(file: NonNullable<Config['logFile']>, warn: (message: string) => void): RotatingFile {
  try {
    return new RotatingFile(file, (failure) => {
      if (failure === undefined) warn('the log file can be written again; lines before this one are missing');
      else
        process.stderr.write(`LOG_FILE: cannot be written (${nameCause(failure)}); lines are lost until it can be\n`);
    });
  } catch (error) {
    throw new InvalidConfig(`LOG_FILE: must be the path of a file that can be written (${nameCause(error)})`);
  }
}

function nameCause(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
