#!/usr/bin/env node
// The command `weir`: parses the command line, reads the configuration and maps failures to exit codes.
import { CommandFailed } from './commands/command-failed.ts';
import { runCommandLine } from './commands/command-line.ts';
import {
  type Config,
  EXIT_CODE_CONFIG,
  InvalidConfig,
  readAccessToken,
  readProcessConfig,
  readRulesFolderConfig,
} from './config/config.ts';
import { keepStringPrototypeFast } from './fast-string-prototype.ts';
import { InvalidRules } from './rules/load/load-rules.ts';
import { createLogger, firstLine, type Logger } from './telemetry/logger.ts';

// Commands import the service only if they need it. The others start in a fraction of the time.
process.exitCode = await runCommandLine(process.argv.slice(2), {
  serve: () => runConfigured(serveUntilSignal),
  migrate: (direction) =>
    runConfigured(async (config, log) => {
      const { migrateDatabase } = await import('./app/start-database.ts');
      await migrateDatabase(config, log, direction);
    }),
  print,
  readAccessToken,
  readRulesFolder: readRulesFolderConfig,
});

async function runConfigured(action: (config: Config, log: Logger) => Promise<void>): Promise<number> {
  let config: Config;
  try {
    config = readProcessConfig();
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT_CODE_CONFIG;
  }
  const log = createLogger(config.logLevel);
  // Node itself would print everything that the error carries, which may include secrets.
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception; exiting');
    process.exit(1);
  });
  try {
    await action(config, log);
    return 0;
  } catch (error) {
    if (error instanceof InvalidRules || error instanceof InvalidConfig) {
      process.stderr.write(`${error.message}\n`);
      return EXIT_CODE_CONFIG;
    }
    log.fatal({ err: error }, error instanceof Error ? firstLine(error.message) : 'failed');
    return 1;
  }
}

async function serveUntilSignal(config: Config, log: Logger): Promise<void> {
  const stopSignal = waitForStopSignal();
  const { buildApp } = await import('./app.ts');
  keepStringPrototypeFast();
  const app = await buildApp(config, log);
  log.info({ signal: await stopSignal }, 'stopping; finishing the calls in progress');
  await app.stop();
  log.info('stopped');
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
