import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import type { GrpcClient } from '../../../support/grpc-client.ts';

/** Entries of one descriptor, as `key=value`. */
type Asked = readonly string[];

export interface Question {
  readonly about: string;
  /** Requests, one after the other, each a list of descriptors. */
  readonly asked: readonly (readonly Asked[])[];
  /** Of each request: by descriptor `ok` or `over`, and where a limit is told how much of it remains. */
  readonly expected: readonly (readonly string[])[];
}

export interface Configuration {
  readonly domain: string;
  readonly text: string;
  readonly questions: readonly Question[];
}

/** The request so many times over. */
function times(count: number, ...request: readonly Asked[]): readonly (readonly Asked[])[] {
  return Array.from({ length: count }, () => request);
}

/** A configuration of the folder, as envoyproxy/ratelimit has it, with the one line that makes our windows its windows. */
function fixedWindows(domain: string): string {
  const file = path.join(import.meta.dirname, 'configurations', `${domain}.yaml`);
  return `${readFileSync(file, 'utf8')}defaults: {algorithm: fixed_window}\n`;
}

/**
 * What envoyproxy/ratelimit's README describes in its sections on matching, replacing, shadow mode, sharing and its
 * examples 1 to 11, in windows that are long enough for a slow test. Those of the folder are for both services; of the
 * last one envoyproxy/ratelimit at its commit 3fb7025 knows no `unit_multiplier`.
 */
export const CONFIGURATIONS: readonly Configuration[] = [
  {
    domain: 'databases',
    text: fixedWindows('databases'),
    questions: [
      {
        about: 'a value has its limit',
        asked: times(3, ['database=users']),
        expected: [['ok 1'], ['ok 0'], ['over 0']],
      },
      { about: 'and another value its own', asked: times(2, ['database=default']), expected: [['ok 0'], ['over 0']] },
      { about: 'a value that is not there has none', asked: times(2, ['database=other']), expected: [['ok'], ['ok']] },
      { about: 'nor has a key that is not there', asked: [[['table=users']]], expected: [['ok']] },
    ],
  },
  {
    domain: 'messages',
    text: fixedWindows('messages'),
    questions: [
      {
        about: 'a value that is left out is each value by itself',
        asked: [[['kind=marketing', 'number=1']], [['kind=marketing', 'number=1']], [['kind=marketing', 'number=2']]],
        expected: [['ok 0'], ['over 0'], ['ok 0']],
      },
      {
        about: 'several descriptors are each held against their rule',
        asked: times(1, ['kind=marketing', 'number=7'], ['number=7']),
        expected: [['ok 0', 'ok 2']],
      },
      { about: 'a level without a limit has none', asked: times(2, ['kind=marketing']), expected: [['ok'], ['ok']] },
    ],
  },
  {
    domain: 'addresses',
    text: fixedWindows('addresses'),
    questions: [
      { about: 'any address has some', asked: times(1, ['remote_address=50.0.0.1']), expected: [['ok 1']] },
      {
        about: 'and the one that is forbidden none',
        asked: times(1, ['remote_address=50.0.0.5']),
        expected: [['over 0']],
      },
    ],
  },
  {
    domain: 'depths',
    text: fixedWindows('depths'),
    questions: [
      {
        about: 'more entries than levels match nothing',
        asked: times(2, ['only=one', 'sub=x']),
        expected: [['ok'], ['ok']],
      },
      { about: 'nor do fewer', asked: times(2, ['key=value']), expected: [['ok'], ['ok']] },
      { about: 'as many do', asked: times(2, ['key=value', 'sub=x']), expected: [['ok 0'], ['over 0']] },
    ],
  },
  {
    domain: 'internal',
    text: fixedWindows('internal'),
    questions: [
      {
        about: 'what is unlimited has all there can be',
        asked: times(2, ['ldap=x']),
        expected: [['ok 4294967295'], ['ok 4294967295']],
      },
      {
        about: 'beside what is not',
        asked: times(2, ['azure=x'], ['ldap=x']),
        expected: [
          ['ok 0', 'ok 4294967295'],
          ['over 0', 'ok 4294967295'],
        ],
      },
    ],
  },
  {
    domain: 'shadows',
    text: fixedWindows('shadows'),
    questions: [
      {
        about: 'a shadow refuses nothing',
        asked: times(3, ['service=auth', 'user=user-a']),
        expected: [['ok'], ['ok'], ['ok']],
      },
      {
        about: 'and the others do',
        asked: times(2, ['service=auth', 'user=user-b']),
        expected: [['ok 0'], ['over 0']],
      },
    ],
  },
  {
    domain: 'replacing',
    text: fixedWindows('replacing'),
    questions: [
      {
        about: 'a limit that is replaced is not asked where both are matched',
        asked: [
          [['first=one', 'user=somebody']],
          [
            ['first=one', 'user=somebody'],
            ['second=two', 'user=somebody'],
          ],
          [['first=one', 'user=somebody']],
        ],
        expected: [['ok 0'], ['ok', 'ok 2'], ['over 0']],
      },
    ],
  },
  {
    domain: 'wildcards',
    text: fixedWindows('wildcards'),
    questions: [
      { about: 'the exact value goes first', asked: times(1, ['path=/v1/users/me']), expected: [['ok 2']] },
      { about: 'then the first wildcard in the file', asked: times(1, ['path=/v1/users/you']), expected: [['ok 0']] },
      { about: 'then the key', asked: times(1, ['path=/v2']), expected: [['ok 3']] },
      {
        about: 'each value of a wildcard is counted by itself',
        asked: [[['own=files/a']], [['own=files/b']], [['own=files/a']]],
        expected: [['ok 0'], ['ok 0'], ['over 0']],
      },
      {
        about: 'unless they share',
        asked: [[['files=files/a']], [['files=files/b']], [['files=files/c']]],
        expected: [['ok 1'], ['ok 0'], ['over 0']],
      },
    ],
  },
  {
    domain: 'multiples',
    text: `domain: multiples
defaults: {algorithm: fixed_window}
descriptors:
  - {key: halfday, rate_limit: {unit: hour, unit_multiplier: 12, requests_per_unit: 1}}
  - {key: week, rate_limit: {unit: WEEK, requests_per_unit: 2}}
`,
    questions: [
      { about: 'twelve hours are a window', asked: times(2, ['halfday=x']), expected: [['ok 0'], ['over 0']] },
      { about: 'a unit is read in any case', asked: times(1, ['week=x']), expected: [['ok 1']] },
    ],
  },
];

/** Asks the requests one after the other, of whichever service. */
export async function answersOf(
  client: GrpcClient,
  domain: string,
  asked: Question['asked'],
): Promise<readonly (readonly string[])[]> {
  const answers: string[][] = [];
  for (const descriptors of asked) {
    const each = descriptors.map((entries) => ({ entries: entries.map(entryOf) }));
    const request = RateLimitRequest.fromPartial({ domain, descriptors: each });
    const { statuses } = await client.call(RateLimitServiceService.shouldRateLimit, request);
    answers.push(
      statuses.map(({ code, currentLimit, limitRemaining }) => {
        const told = code === Code.OVER_LIMIT ? 'over' : 'ok';
        const isTold = currentLimit !== undefined || limitRemaining > 0;
        return isTold ? `${told} ${limitRemaining}` : told;
      }),
    );
  }
  return answers;
}

function entryOf(written: string): { key: string; value: string } {
  const at = written.indexOf('=');
  return { key: written.slice(0, at), value: written.slice(at + 1) };
}
