// The command `weir`: parses the command line, reads the configuration and maps failures to exit codes.
import path from 'node:path';
import { openServiceLog, type ServiceLog } from './app/open-service-log.ts';
import { CommandFailed } from './commands/command-failed.ts';
import { runCommandLine } from './commands/command-line.ts';
import {
  type Config,
  EXIT_CODE_CONFIG,
  InvalidConfig,
  readAccessToken,
  readCommandConfig,
  readProcessConfig,
  readRulesFolderConfig,
} from './config/config.ts';
import { type RatelimitConfig, readRatelimitProcessConfig } from './config/ratelimit/ratelimit-config.ts';
import { FolderInUseError } from './database/embedded/folder-lock.ts';
import { InvalidRules } from './rules/load/load-rules.ts';
import { createLogger, firstLine, type Logger } from './telemetry/logger.ts';

/** Time for the last lines of the log to be written. */
const LAST_LINES_MS = 1_000;

// Commands import the service only if they need it. The others start in a fraction of the time.
process.exitCode = await runCommandLine(process.argv.slice(2), {
  serve: () => serveLogged(readProcessConfig, serve),
  ratelimit: () => serveLogged(readRatelimitProcessConfig, serveRatelimit),
  migrate: (direction) =>
    runCommand(readCommandConfig, async (config, log) => {
      const { migrateDatabase } = await import('./app/start-database.ts');
      await migrateDatabase(config, log, direction);
    }),
  restoreCheck,
  health: () => print(checkHealth()),
  reconcile,
  resetPassword: (email) =>
    runCommand(readCommandConfig, async (config, log) => {
      const { resetPassword } = await import('./app/commands/reset-password.ts');
      process.stdout.write(await resetPassword(email, config, log));
    }),
  resetTotp: (email) =>
    runCommand(readCommandConfig, async (config, log) => {
      const { resetTotp } = await import('./app/commands/reset-totp.ts');
      process.stdout.write(await resetTotp(email, config, log));
    }),
  print,
  readAccessToken,
  readRulesFolder: readRulesFolderConfig,
});

type LoggedSettings = Pick<Config, 'logLevel' | 'logFile' | 'sentryDsn' | 'warnings'>;

/** Runs a service until a signal, then exits. Nothing waits for a reader of the log. */
async function serveLogged<Settings extends LoggedSettings>(
  readConfig: () => Settings,
  action: (config: Settings, opened: ServiceLog) => Promise<void>,
): Promise<number> {
  let opened: ServiceLog | undefined;
  const open = async (config: Settings): Promise<ServiceLog> => {
    opened = await openServiceLog(config);
    return opened;
  };
  const exitCode = await runConfigured(readConfig, action, open);
  await Promise.all([opened?.output.flush(LAST_LINES_MS), opened?.reporter?.flush(LAST_LINES_MS)]);
  process.exit(exitCode);
}

/** Runs a command, which waits until each line of its log is written. */
function runCommand(readConfig: () => Config, action: (config: Config, log: Logger) => Promise<void>): Promise<number> {
  return runConfigured(
    readConfig,
    (config, { log }) => action(config, log).catch(rethrowForUser),
    async ({ logLevel }) => ({ log: createLogger(logLevel), reporter: undefined }),
  );
}

/** A user who runs a command next to a node needs the message, not a line of the log with a stack. */
function rethrowForUser(error: unknown): never {
  throw error instanceof FolderInUseError ? new CommandFailed(error.message) : error;
}

async function runConfigured<Settings extends Pick<Config, 'warnings'>, Opened extends Omit<ServiceLog, 'output'>>(
  readConfig: () => Settings,
  action: (config: Settings, opened: Opened) => Promise<void>,
  openLog: (config: Settings) => Promise<Opened>,
): Promise<number> {
  let config: Settings;
  let opened: Opened;
  try {
    config = readConfig();
    opened = await openLog(config);
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT_CODE_CONFIG;
  }
  const { log, reporter } = opened;
  for (const { fields, message } of config.warnings) log.warn(fields, message);
  // Node itself would print everything that the error carries, which may include secrets.
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception; exiting');
    if (reporter === undefined) process.exit(1);
    void reporter.flush(LAST_LINES_MS).finally(() => process.exit(1));
  });
  try {
    await action(config, opened);
    return 0;
  } catch (error) {
    if (error instanceof InvalidRules || error instanceof InvalidConfig) {
      process.stderr.write(`${error.message}\n`);
      return EXIT_CODE_CONFIG;
    }
    if (error instanceof CommandFailed) {
      process.stderr.write(`${error.message}\n`);
      return 1;
    }
    log.fatal({ err: error }, error instanceof Error ? firstLine(error.message) : 'failed');
    return 1;
  }
}

async function serve(config: Config, { log, output }: ServiceLog): Promise<void> {
  if (config.unsetSecrets !== undefined) {
    const { variables, message } = config.unsetSecrets;
    log.warn({ variables }, message);
  }
  const [{ buildApp }, { prepareSupervisedDecisions }] = await Promise.all([
    import('./app.ts'),
    import('./workers/supervision/supervised-decisions.ts'),
  ]);
  const name = config.workers === 1 ? 'decision-worker' : 'decision-primary';
  const program = {
    url: new URL(`./${name}${path.extname(import.meta.filename)}`, import.meta.url),
    // One process writes the file, so that lines of several never mix, and one replaces it when it is full.
    takeLine: config.logFile && ((line: string) => output.write(line)),
  };
  const prepare: Parameters<typeof buildApp>[2] = (...settings) => prepareSupervisedDecisions(program, ...settings);
  await runUntilSignal(
    (signal) => buildApp(config, log, prepare, signal, () => output.droppedLines),
    config.shutdown.timeoutMs,
    log,
  );
}

async function serveRatelimit(config: RatelimitConfig, { log }: ServiceLog): Promise<void> {
  const { startRatelimit } = await import('./app/ratelimit/start-ratelimit.ts');
  await runUntilSignal((signal) => startRatelimit(config, log, signal), config.node.shutdown.timeoutMs, log);
}

/** Starts a service and stops it at the first signal. `start` gets a signal that is aborted by one that comes before. */
async function runUntilSignal(
  start: (signal: AbortSignal) => Promise<Running>,
  stopTimeoutMs: number,
  log: Logger,
): Promise<void> {
  const stopSignal = waitForStopSignal();
  const starting = new AbortController();
  void stopSignal.then(() => starting.abort());
  const running = await start(starting.signal).catch((error: unknown) => {
    if (!starting.signal.aborted) throw error;
    log.info({}, 'stopped while starting');
  });
  if (running === undefined) return;
  log.info({ signal: await stopSignal }, 'stopping; finishing the calls in progress');
  await stopInTime(running, stopTimeoutMs, log);
  log.info('stopped');
}

/** A service that runs until it is stopped. */
interface Running {
  stop(): Promise<void>;
}

/** Exits if the stop takes too long: the orchestrator would kill the process soon after. */
async function stopInTime(running: Running, timeoutMs: number, log: Logger): Promise<void> {
  const timeout = setTimeout(() => {
    log.fatal({ timeoutMs }, 'the stop took longer than SHUTDOWN_TIMEOUT_MS; exiting');
    process.exit(1);
  }, timeoutMs);
  await running.stop();
  clearTimeout(timeout);
}

/**
 * Resolves with the first signal that asks to stop. Later ones are caught and change nothing: Ctrl-C reaches a process from
 * its terminal and again from its parents, and a stop that is cut short leaves the embedded Postgres behind.
 */
function waitForStopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
}

async function checkHealth(): Promise<string> {
  const { checkHealth: askNode } = await import('./app/commands/check-health.ts');
  return askNode(readCommandConfig());
}

async function restoreCheck(logFiles: readonly string[]): Promise<number> {
  let isInForce = true;
  const check = async (): Promise<string> => {
    const { checkRestore } = await import('./app/commands/check-restore.ts');
    const report = await checkRestore(readCommandConfig().databaseUrl, logFiles);
    isInForce = report.isInForce;
    return report.text;
  };
  const exitCode = await print(check());
  return isInForce ? exitCode : 1;
}

async function reconcile(isFixing: boolean): Promise<number> {
  let isInOrder = true;
  const run = async (): Promise<string> => {
    const { reconcileQuotas } = await import('./app/commands/reconcile-quotas.ts');
    // Redis that does not answer is the failure of the command, so nothing else is logged.
    const report = await reconcileQuotas(readCommandConfig(), isFixing, createLogger('fatal'));
    isInOrder = report.isInOrder;
    return report.text;
  };
  const exitCode = await print(run());
  return isInOrder ? exitCode : 1;
}

/** Prints the text of a command. Returns its exit code. */
async function print(text: Promise<string>): Promise<number> {
  try {
    process.stdout.write(await text);
    return 0;
  } catch (error) {
    const isExpected = [InvalidRules, InvalidConfig, CommandFailed].some((type) => error instanceof type);
    if (!isExpected || !(error instanceof Error)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}
