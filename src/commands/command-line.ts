import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { Argument, Command, CommanderError, Option } from 'commander';
import type { RulesFolderOptions } from '../rules/load/rules-folder.ts';
import { checkRules } from './check-rules.ts';
import { explainByRules } from './explain-by-rules.ts';
import { explainByServer, type ServerQuestion } from './explain-by-server.ts';
import { parseDescriptor } from './parse-descriptor.ts';

/** Exit code for a command line that was not understood. */
const EXIT_CODE_USAGE = 2;

/** The commands that need the whole service. Each returns its exit code. */
export interface ServiceCommands {
  serve(): Promise<number>;
  migrate(direction: 'up' | 'down'): Promise<number>;
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
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('--help', 'print help')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('Run `weir --help` for the list of commands.');
  program
    .command('serve')
    .description('Start the service. Its settings are environment variables; .env.example lists them.')
    .action(async () => setExitCode(await commands.serve()));
  program
    .command('migrate')
    .description('Bring the database up to date, as serve does by itself, or revert the newest migration.')
    .addArgument(new Argument('<direction>', 'up, or down to revert').choices(['up', 'down']))
    .action(async (direction: 'up' | 'down') => setExitCode(await commands.migrate(direction)));
  addCheckRules(program, commands, setExitCode);
  addExplain(program, commands, setExitCode);
  for (const command of program.commands) {
    command
      .helpOption('--help', 'print help')
      .showHelpAfterError(`Run \`weir ${command.name()} --help\` for its usage.`);
  }
  return program;
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
    .action(async (path: string, { against }: { against?: string }) =>
      setExitCode(await commands.print(checkRules(path, against, commands.readRulesFolder))),
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
        '--server <host:port>',
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

function explain(
  words: readonly string[],
  { json: isJson = false, server, apiKey }: ExplainOptions,
  command: Command,
  commands: ServiceCommands,
): Promise<string> {
  if (server !== undefined) {
    const question: ServerQuestion = apiKey === undefined ? readDescriptors(words, command) : { apiKey };
    if (apiKey !== undefined && words.length > 0) command.error('error: give either --api-key or descriptors');
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

/** The version in package.json, which stands above src/ and above dist/. */
function packageVersion(): string {
  const file = findPackageJSON('..', import.meta.url);
  if (file === undefined) throw new Error('package.json is missing');
  const { version }: { version: string } = JSON.parse(readFileSync(file, 'utf8'));
  return version;
}
