import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

/** Another RLS server that runs already, to compare with. */
export interface Peer {
  readonly name: string;
  /** On 127.0.0.1. */
  readonly port: number;
  /** Processes whose CPU time counts. Empty: not measured. */
  readonly pids: readonly number[];
}

export interface Options {
  readonly mode: 'speed' | 'memory' | 'flood';
  readonly rounds: number;
  /** Length of one measurement. */
  readonly seconds: number;
  /** Measures only with 1,000 keys. */
  readonly quick: boolean;
  /** Parts of server names; empty: all servers. The yardstick always runs. */
  readonly only: readonly string[];
  readonly peers: readonly Peer[];
  /** Generates load with ghz. */
  readonly ghz: boolean;
  /** Decisions of the memory measurement, in millions. */
  readonly millions: number;
}

const EXIT_CODE_USAGE = 2;

/**
 * Parses the command line of the bench. For `--help` or a wrong command line it prints what commander prints, and
 * returns the exit code: 0 or 2.
 */
export function parseOptions(args: readonly string[]): Options | { readonly exitCode: number } {
  const command = createCommand();
  try {
    command.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { exitCode: error.exitCode === 0 ? 0 : EXIT_CODE_USAGE };
  }
  const { quick = false, ...parsed } = command.opts<ParsedOptions>();
  return {
    mode: parsed.memory ? 'memory' : parsed.flood ? 'flood' : 'speed',
    rounds: parsed.rounds ?? (quick ? 3 : 5),
    seconds: parsed.seconds ?? (quick ? 1 : 2.5),
    quick,
    only: parsed.only ?? [],
    peers: parsed.peer ?? [],
    ghz: parsed.ghz ?? false,
    millions: parsed.millions,
  };
}

/** The options as commander stores them. An option that is not given is missing, unless it has a default. */
interface ParsedOptions {
  readonly quick?: true;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly only?: readonly string[];
  readonly peer?: readonly Peer[];
  readonly ghz?: true;
  readonly memory?: true;
  readonly millions: number;
  readonly flood?: true;
}

function createCommand(): Command {
  return new Command('npm run bench --')
    .description('Measure Weir against a yardstick. Without --quick, --only and --ghz, write docs/benchmarks.md.')
    .helpOption('--help', 'print help')
    .exitOverride()
    .showHelpAfterError('Run `npm run bench -- --help` for the options.')
    .option('--quick', 'measure with 1,000 keys only, 3 rounds of 1 s each: about a minute')
    .option('--rounds <n>', 'number of rounds (default: 5)', parseNumber(1, 100, 'whole'))
    .option('--seconds <n>', 'length of each measurement (default: 2.5)', parseNumber(0.2, 60))
    .option('--only <name>', 'only servers whose name contains this, and the yardstick; repeatable', collect(String))
    .addOption(
      new Option(
        '--peer <name=127.0.0.1:port[,pid...]>',
        'also measure an RLS server that runs, with the CPU time of these processes; repeatable',
      ).argParser(collect(parsePeer)),
    )
    .option('--ghz', 'generate load with ghz')
    .option('--memory', 'measure memory instead: per idle connection, and its growth over many decisions')
    .option('--millions <n>', 'decisions that --memory makes, in millions', parseNumber(0.1, 1000), 10)
    .option('--flood', 'measure instead what a flood of forged JWTs costs callers of the rate limit service');
}

function parseNumber(min: number, max: number, kind?: 'whole'): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (value >= min && value <= max && (kind !== 'whole' || Number.isInteger(value))) return value;
    throw new InvalidArgumentError(`Must be a ${kind === 'whole' ? 'whole ' : ''}number from ${min} to ${max}.`);
  };
}

/** Creates the parser of an option that can be repeated. */
function collect<Value>(parse: (text: string) => Value): (text: string, previous?: readonly Value[]) => Value[] {
  return (text, previous = []) => [...previous, parse(text)];
}

function parsePeer(text: string): Peer {
  const match = /^([^=]+)=(?:127\.0\.0\.1|localhost):(\d{1,5})((?:,\d+)*)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Must be NAME=127.0.0.1:PORT[,PID...].');
  const [, name = '', port, pids = ''] = match;
  return { name, port: Number(port), pids: pids.split(',').filter(Boolean).map(Number) };
}
