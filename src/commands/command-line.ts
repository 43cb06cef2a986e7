import { Argument, Command, CommanderError, Option } from 'commander';
import type { RulesFolderOptions } from '../rules/load/rules-folder.ts';
import { checkRoutes } from './check-routes.ts';
import { type CheckRulesOptions, checkRules } from './check-rules.ts';
import { explainByRules } from './explain-by-rules.ts';
import type { ServerQuestion } from './explain-by-server.ts';
import { IMPORTS, runImport } from './import/write-import.ts';
import { readPackageVersion } from './package-version.ts';
import { parseDescriptor } from './parse-descriptor.ts';
import { routesFromOpenApi } from './routes-from-openapi.ts';

/** Exit code for a command line that was not understood. */
const EXIT_CODE_USAGE = 2;

/** The commands that need the whole service. Each returns its exit code. */
export interface ServiceCommands {
  serve(): Promise<number>;
  /** Serves in place of envoyproxy/ratelimit, with its environment. */
  ratelimit(): Promise<number>;
  migrate(direction: 'up' | 'down'): Promise<number>;
  /** Asks the node of this environment for its health. Returns 1 if it is not serving. */
  health(): Promise<number>;
  /** Compares logs with a restored database. Returns 1 if something works again that was taken away. */
  restoreCheck(logFiles: readonly string[]): Promise<number>;
  /** Compares counters with their checkpoints. Returns 1 if counters lack hits and were not repaired. */
  reconcile(isFixing: boolean): Promise<number>;
  /** Sets a new password for an account and prints it. Returns 1 if there is no such account. */
  resetPassword(email: string): Promise<number>;
  /** Turns the second factor of an account off. Returns 1 if there is no such account. */
  resetTotp(email: string): Promise<number>;
  /** Prints the text of a command; on an expected failure prints its message and returns 1. */
  print(text: Promise<string>): Promise<number>;
  /** How the service would read a folder of rules. Throws if the variables are invalid. */
  readRulesFolder(): RulesFolderOptions;
  /** WEIR_ACCESS_TOKEN, read only by the commands that need it. */
  readAccessToken(): string | undefined;
}

/** Parses the command line, runs its command and returns the exit code: 2 where the line was not understood. */
export async function runCommandLine(args: readonly string[], commands: ServiceCommands): Promise<number> {
  let exitCode = 0;
  const program = createProgram(commands, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EXIT_CODE_USAGE;
  }
}

function createProgram(commands: ServiceCommands, setExitCode: (code: number) => void): Command {
  const program = new Command('weir')
    .description('Rate-limit and authorization decisions for Envoy, from one plan catalog.')
    .version(readPackageVersion(), '--version', 'print the version')
    .helpOption('--help', 'print help')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('Run `weir --help` for the list of commands.');
  addServices(program, commands, setExitCode);
  program
    .command('migrate')
    .description('Bring the database up to date, as serve does by itself, or revert the newest migration.')
    .addArgument(new Argument('<direction>', 'up, or down to revert').choices(['up', 'down']))
    .action(async (direction: 'up' | 'down') => setExitCode(await commands.migrate(direction)));
  addRestoreCheck(program, commands, setExitCode);
  program
    .command('reconcile')
    .description(
      'Compare the counters of quotas, at REDIS_URL, with their checkpoints and with usage, at DATABASE_URL, and list those ' +
        'that differ. Exits 1 if counters lack hits.',
    )
    .option('--fix', 'raise counters that lack hits, and checkpoints')
    .action(async ({ fix = false }: { fix?: boolean }) => setExitCode(await commands.reconcile(fix)));
  program
    .command('reset-password')
    .description(
      'Set a new password for an account, print it, and end the sessions of the account. For an administrator who is ' +
        'locked out: it needs DATABASE_URL, or DATA_DIR while no Weir runs there.',
    )
    .argument('<email>', 'the e-mail address of the account')
    .action(async (email: string) => setExitCode(await commands.resetPassword(email)));
  program
    .command('reset-totp')
    .description(
      'Turn the second factor of an account off. For an administrator who is locked out: it needs DATABASE_URL, or DATA_DIR ' +
        'while no Weir runs there.',
    )
    .argument('<email>', 'the e-mail address of the account')
    .action(async (email: string) => setExitCode(await commands.resetTotp(email)));
  addImport(program, commands, setExitCode);
  addCheckRules(program, commands, setExitCode);
  addRoutes(program, commands, setExitCode);
  addExplain(program, commands, setExitCode);
  for (const command of program.commands) {
    command
      .helpOption('--help', 'print help')
      .showHelpAfterError(`Run \`weir ${command.name()} --help\` for its usage.`);
  }
  return program;
}

function addServices(program: Command, commands: ServiceCommands, setExitCode: (code: number) => void): void {
  program
    .command('serve')
    .description('Start the service. Its settings are environment variables; .env.example lists them.')
    .action(async () => setExitCode(await commands.serve()));
  program
    .command('ratelimit')
    .description(
      'Start in place of envoyproxy/ratelimit: reads its environment variables and its rules files or xDS server, and ' +
        'serves its ports. Needs no Postgres.',
    )
    .action(async () => setExitCode(await commands.ratelimit()));
  program
    .command('health')
    .description(
      'Ask the node that runs with these settings, over gRPC, whether it serves: for probes. Exits 1 if it does not.',
    )
    .action(async () => setExitCode(await commands.health()));
}

function addImport(program: Command, commands: ServiceCommands, setExitCode: (code: number) => void): void {
  program
    .command('import')
    .description(
      'Turn the configuration of another service into files for Weir: limits of Limitador into rules; plans, keys and ' +
        'rules of a deck file of Kong. Lists everything that is not carried over.',
    )
    .addArgument(new Argument('<service>', 'the service').choices(Object.keys(IMPORTS)))
    .argument('<file>', 'its configuration, as YAML')
    .requiredOption('--out <folder>', 'where to write the files; none is overwritten')
    .action(async (service: keyof typeof IMPORTS, file: string, { out }: { out: string }) =>
      setExitCode(await commands.print(runImport(service, file, out))),
    );
}

function addRestoreCheck(program: Command, commands: ServiceCommands, setExitCode: (code: number) => void): void {
  program
    .command('restore-check')
    .description(
      'After a restore of the database: list what the logs of Weir say was deleted, disabled or revoked, and whether ' +
        'it is in force in the database at DATABASE_URL. Changes nothing. Exits 1 if something works again.',
    )
    .requiredOption('--log <files...>', 'logs of Weir; the log of one node is enough')
    .action(async ({ log }: { log: string[] }) => setExitCode(await commands.restoreCheck(log)));
}

function addCheckRules(program: Command, commands: ServiceCommands, setExitCode: (code: number) => void): void {
  program
    .command('check-rules')
    .description(
      'Check rules files. Prints each fault as file:line:column, and what a folder has that is not read. ' +
        'RUNTIME_IGNOREDOTFILES and MERGE_DOMAIN_CONFIG apply as they do to serve.',
    )
    .argument('<path>', 'a rules file, or a folder of them')
    .option('--against <old>', 'also print what changes compared with the rules in this file or folder')
    .option('--strict', 'fail if there are warnings: rules that can never match or never reject')
    .action(async (path: string, options: CheckRulesOptions) =>
      setExitCode(await commands.print(checkRules(path, options, commands.readRulesFolder))),
    );
}

function addRoutes(program: Command, commands: ServiceCommands, setExitCode: (code: number) => void): void {
  program
    .command('check-routes')
    .description('Check the files of a route table. Prints each fault as file:line:column.')
    .argument('<path>', 'a file of routes, or a folder of them')
    .action(async (path: string) => setExitCode(await commands.print(checkRoutes(path))));
  program
    .command('routes')
    .description('Write a route table with a route for each operation of an OpenAPI document.')
    .requiredOption('--from-openapi <file>', 'an OpenAPI document in YAML or JSON')
    .action(async ({ fromOpenapi }: { fromOpenapi: string }) =>
      setExitCode(await commands.print(routesFromOpenApi(fromOpenapi))),
    );
}

interface ExplainOptions {
  readonly json?: boolean;
  readonly server?: string;
  readonly apiKey?: string;
}

function addExplain(program: Command, commands: ServiceCommands, setExitCode: (code: number) => void): void {
  program
    .command('explain')
    .description('Explain which rule a descriptor has, and why.')
    .usage(
      '[--json] PATH DOMAIN KEY=VALUE[,KEY=VALUE]…\n' +
        '       weir explain [--json] --server HOST:PORT DOMAIN KEY=VALUE[,KEY=VALUE]…\n' +
        '       weir explain [--json] --server HOST:PORT --api-key NAME',
    )
    .argument(
      '[words...]',
      'without --server, the rules files first; then the domain and one or more descriptors; write a comma in a value as \\,',
    )
    .option('--json', 'print JSON')
    .addOption(
      new Option(
        '--server <[https://]host:port>',
        'ask a running server at its admin address, which adds the state of the counters; ' +
          "needs an administrator's access token in WEIR_ACCESS_TOKEN",
      ),
    )
    .addOption(new Option('--api-key <name>', 'explain an API key, such as apiKeys/…; needs --server'))
    .action(async (words: string[], options: ExplainOptions, command: Command) => {
      const text = explain(words, options, command, commands);
      setExitCode(await commands.print(text));
    });
}

async function explain(
  words: readonly string[],
  { json: isJson = false, server, apiKey }: ExplainOptions,
  command: Command,
  commands: ServiceCommands,
): Promise<string> {
  if (server !== undefined) {
    const question: ServerQuestion = apiKey === undefined ? readDescriptors(words, command) : { apiKey };
    if (apiKey !== undefined && words.length > 0) command.error('error: give either --api-key or descriptors');
    // Only here, because the client of gRPC takes 8 MB, which `weir serve` does not need.
    const { explainByServer } = await import('./explain-by-server.ts');
    return explainByServer({ server, accessToken: commands.readAccessToken(), question, isJson });
  }
  if (apiKey !== undefined) command.error('error: --api-key needs --server');
  const [path, ...rest] = words;
  if (path === undefined) return command.error('error: missing the path of the rules');
  return explainByRules(path, readDescriptors(rest, command), isJson, commands.readRulesFolder);
}

function readDescriptors([domain, ...texts]: readonly string[], command: Command) {
  if (domain === undefined || texts.length === 0) return command.error('error: missing a domain and a descriptor');
  const descriptors = texts.map((text) => {
    return parseDescriptor(text) ?? command.error(`error: a descriptor must be KEY=VALUE[,KEY=VALUE]… (got "${text}")`);
  });
  return { domain, descriptors };
}
