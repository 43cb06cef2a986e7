#!/usr/bin/env node
import { buildApp, migrateDatabase } from './app.ts';
import { checkRules } from './commands/check-rules.ts';
import { CommandFailed } from './commands/command-failed.ts';
import { explain } from './commands/explain.ts';
import { type Config, EXIT_CODE_CONFIG, InvalidConfig, readAccessToken, readProcessConfig } from './config/config.ts';
import { keepStringPrototypeFast } from './fast-string-prototype.ts';
import { InvalidRules } from './rules/load/load-rules.ts';
import { createLogger, firstLine, type Logger } from './telemetry/logger.ts';

const USAGE = `weir: rate-limit and authorization decisions for Envoy

  weir serve               starts the service; its settings are environment variables (.env.example lists them)
  weir migrate up|down     brings the database up to date (as serve does by itself), or takes the newest migration back
  weir check-rules PATH [--against OLD]
                           checks a rules file or a folder of them; prints each fault as file:line:column, and what
                           changes from the rules of OLD
  weir explain [--json] PATH DOMAIN KEY=VALUE[,KEY=VALUE]…
                           tells by the rules files which rule a descriptor has, and why; several may follow one another
  weir explain [--json] --server HOST:PORT DOMAIN KEY=VALUE[,KEY=VALUE]…
  weir explain [--json] --server HOST:PORT --api-key NAME
                           asks a running server at its admin address instead, which tells besides what the counters say;
                           with the access token of an administrator in WEIR_ACCESS_TOKEN
`;

const [command, ...operands] = process.argv.slice(2);
process.exitCode = await run(command, operands);

async function run(name: string | undefined, [first, ...rest]: readonly string[]): Promise<number> {
  if (name === 'serve' && first === undefined) return configured(serveUntilSignalled);
  if (name === 'migrate' && (first === 'up' || first === 'down') && rest.length === 0) {
    return configured((config, log) => migrateDatabase(config, log, first));
  }
  if (name === 'check-rules' && first !== undefined) return printed(checkRules([first, ...rest]));
  if (name === 'explain' && first !== undefined) return printed(explain([first, ...rest], readAccessToken));
  process.stderr.write(USAGE);
  return 2;
}

async function configured(action: (config: Config, log: Logger) => Promise<void>): Promise<number> {
  let config: Config;
  try {
    config = readProcessConfig();
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT_CODE_CONFIG;
  }
  const log = createLogger(config.logLevel);
  // Node itself would print all that the error carries.
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'a fault that nothing was prepared for');
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

async function serveUntilSignalled(config: Config, log: Logger): Promise<void> {
  const signalled = stopSignal();
  keepStringPrototypeFast();
  const app = await buildApp(config, log);
  log.info({ signal: await signalled }, 'stopping: what is under way is finished first');
  await app.stop();
  log.info('stopped');
}

/**
 * The first signal that asks to stop. Others are heard and change nothing: Ctrl-C reaches a process from its terminal and
 * again from those that started it, and a stop that is cut short leaves the embedded Postgres behind.
 */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
}

/** Of a command that makes a text; undefined: it was not understood. */
async function printed(making: Promise<string | undefined>): Promise<number> {
  try {
    const text = await making;
    (text === undefined ? process.stderr : process.stdout).write(text ?? USAGE);
    return text === undefined ? 2 : 0;
  } catch (error) {
    if (!(error instanceof InvalidRules || error instanceof CommandFailed)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}
