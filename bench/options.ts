import { parseArgs } from 'node:util';

export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly pids: readonly number[];
}

export interface Options {
  readonly mode: 'speed' | 'memory' | 'flood';
  readonly rounds: number;
  /** Of one measurement. */
  readonly seconds: number;
  /** Only 1,000 keys. */
  readonly quick: boolean;
  /** Parts of names; empty: all servers. The yardstick always runs. */
  readonly only: readonly string[];
  readonly peers: readonly Peer[];
  readonly ghz: boolean;
  /** Millions of decisions over which memory may not grow. */
  readonly millions: number;
}

export const USAGE = `npm run bench -- [option]...
  --quick                          1,000 keys only, 3 rounds of 1 s: about a minute
  --rounds N, --seconds N          how often, and how long each measurement takes (5 and 2.5)
  --only NAME                      only servers whose name contains NAME, beside the yardstick; repeatable
  --peer NAME=127.0.0.1:PORT[,PID...]  a running RLS server as well, CPU summed over the PIDs; repeatable
  --ghz                            drive with ghz instead of the generator of the bench
  --memory [--millions N]          instead: memory per idle connection, growth over N million decisions (10)
  --flood                          instead: what forged JWTs take from callers of the rate limit service`;

/** Throws an error whose message is for whoever typed the command. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      peer: { type: 'string', multiple: true, default: [] },
      ghz: { type: 'boolean', default: false },
      memory: { type: 'boolean', default: false },
      flood: { type: 'boolean', default: false },
      millions: { type: 'string', default: '10' },
    },
  });
  return {
    mode: values.memory ? 'memory' : values.flood ? 'flood' : 'speed',
    rounds: numberOf('rounds', values.rounds ?? (values.quick ? '3' : '5'), 1, 100, true),
    seconds: numberOf('seconds', values.seconds ?? (values.quick ? '1' : '2.5'), 0.2, 60, false),
    quick: values.quick,
    only: values.only,
    peers: values.peer.map(parsePeer),
    ghz: values.ghz,
    millions: numberOf('millions', values.millions, 0.1, 1000, false),
  };
}

function numberOf(name: string, text: string, least: number, most: number, whole: boolean): number {
  const value = Number(text);
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  throw new Error(`--${name}: must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}`);
}

function parsePeer(text: string): Peer {
  const match = /^([^=]+)=(?:127\.0\.0\.1|localhost):(\d{1,5})((?:,\d+)*)$/.exec(text);
  if (match === null) throw new Error(`--peer: must be NAME=127.0.0.1:PORT[,PID...], and not "${text}"`);
  const [, name = '', port, pids = ''] = match;
  return { name, port: Number(port), pids: pids.split(',').filter(Boolean).map(Number) };
}
