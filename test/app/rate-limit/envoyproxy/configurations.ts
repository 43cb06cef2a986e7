import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import type { GrpcClient } from '../../../support/clients/grpc-client.ts';

/** Entries of one descriptor, as `key=value`. */
type Descriptor = readonly string[];

export interface Scenario {
  /** Full sentence: the name of the test. */
  readonly title: string;
  /** Requests in order; each is a list of descriptors. */
  readonly requests: readonly (readonly Descriptor[])[];
  /** For each request and descriptor: `ok` or `over`, and what remains if the response reports a limit. */
  readonly expected: readonly (readonly string[])[];
}

export interface Configuration {
  readonly domain: string;
  readonly text: string;
  readonly scenarios: readonly Scenario[];
}

/** Repeats a request. */
function repeat(count: number, ...request: readonly Descriptor[]): readonly (readonly Descriptor[])[] {
  return Array.from({ length: count }, () => request);
}

/** Reads a configuration for envoyproxy/ratelimit and adds the line that gives Weir the same windows. */
function readConfiguration(domain: string): string {
  const file = path.join(import.meta.dirname, 'configurations', `${domain}.yaml`);
  return `${readFileSync(file, 'utf8')}defaults: {algorithm: fixed_window}\n`;
}

/**
 * Configurations from the README of envoyproxy/ratelimit: its sections on matching, replacing, shadow mode and sharing,
 * and its examples 1 to 11, with windows long enough for a slow test. The files in the folder work with both services.
 * The last configuration does not: envoyproxy/ratelimit at commit 3fb7025 has no `unit_multiplier`.
 */
export const CONFIGURATIONS: readonly Configuration[] = [
  {
    domain: 'databases',
    text: readConfiguration('databases'),
    scenarios: [
      {
        title: 'a value has its own limit',
        requests: repeat(3, ['database=users']),
        expected: [['ok 1'], ['ok 0'], ['over 0']],
      },
      {
        title: 'another value has another limit',
        requests: repeat(2, ['database=default']),
        expected: [['ok 0'], ['over 0']],
      },
      {
        title: 'a value without a rule has no limit',
        requests: repeat(2, ['database=other']),
        expected: [['ok'], ['ok']],
      },
      { title: 'a key without a rule has no limit', requests: [[['table=users']]], expected: [['ok']] },
    ],
  },
  {
    domain: 'messages',
    text: readConfiguration('messages'),
    scenarios: [
      {
        title: 'a rule without a value counts each value separately',
        requests: [
          [['kind=marketing', 'number=1']],
          [['kind=marketing', 'number=1']],
          [['kind=marketing', 'number=2']],
        ],
        expected: [['ok 0'], ['over 0'], ['ok 0']],
      },
      {
        title: 'each of several descriptors is checked against its own rule',
        requests: repeat(1, ['kind=marketing', 'number=7'], ['number=7']),
        expected: [['ok 0', 'ok 2']],
      },
      {
        title: 'a level without a limit does not limit',
        requests: repeat(2, ['kind=marketing']),
        expected: [['ok'], ['ok']],
      },
    ],
  },
  {
    domain: 'addresses',
    text: readConfiguration('addresses'),
    scenarios: [
      {
        title: 'an ordinary address has a limit',
        requests: repeat(1, ['remote_address=50.0.0.1']),
        expected: [['ok 1']],
      },
      {
        title: 'a forbidden address is always rejected',
        requests: repeat(1, ['remote_address=50.0.0.5']),
        expected: [['over 0']],
      },
    ],
  },
  {
    domain: 'depths',
    text: readConfiguration('depths'),
    scenarios: [
      {
        title: 'a descriptor with more entries than levels matches nothing',
        requests: repeat(2, ['only=one', 'sub=x']),
        expected: [['ok'], ['ok']],
      },
      {
        title: 'a descriptor with fewer entries than levels matches nothing',
        requests: repeat(2, ['key=value']),
        expected: [['ok'], ['ok']],
      },
      {
        title: 'a descriptor with as many entries as levels matches',
        requests: repeat(2, ['key=value', 'sub=x']),
        expected: [['ok 0'], ['over 0']],
      },
    ],
  },
  {
    domain: 'internal',
    text: readConfiguration('internal'),
    scenarios: [
      {
        title: 'an unlimited rule reports the maximum as remaining',
        requests: repeat(2, ['ldap=x']),
        expected: [['ok 4294967295'], ['ok 4294967295']],
      },
      {
        title: 'an unlimited rule reports the same next to a limited one',
        requests: repeat(2, ['azure=x'], ['ldap=x']),
        expected: [
          ['ok 0', 'ok 4294967295'],
          ['over 0', 'ok 4294967295'],
        ],
      },
    ],
  },
  {
    domain: 'shadows',
    text: readConfiguration('shadows'),
    scenarios: [
      {
        title: 'a rule in shadow mode rejects nothing',
        requests: repeat(3, ['service=auth', 'user=user-a']),
        expected: [['ok'], ['ok'], ['ok']],
      },
      {
        title: 'the other rules do reject',
        requests: repeat(2, ['service=auth', 'user=user-b']),
        expected: [['ok 0'], ['over 0']],
      },
    ],
  },
  {
    domain: 'replacing',
    text: readConfiguration('replacing'),
    scenarios: [
      {
        title: 'a replaced limit is not checked if both rules match',
        requests: [
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
    text: readConfiguration('wildcards'),
    scenarios: [
      { title: 'an exact value takes precedence', requests: repeat(1, ['path=/v1/users/me']), expected: [['ok 2']] },
      {
        title: 'the first matching wildcard in the file comes next',
        requests: repeat(1, ['path=/v1/users/you']),
        expected: [['ok 0']],
      },
      { title: 'the key without a value comes last', requests: repeat(1, ['path=/v2']), expected: [['ok 3']] },
      {
        title: 'each value of a wildcard is counted separately',
        requests: [[['own=files/a']], [['own=files/b']], [['own=files/a']]],
        expected: [['ok 0'], ['ok 0'], ['over 0']],
      },
      {
        title: 'values that share a threshold are counted together',
        requests: [[['files=files/a']], [['files=files/b']], [['files=files/c']]],
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
    scenarios: [
      { title: 'twelve hours are one window', requests: repeat(2, ['halfday=x']), expected: [['ok 0'], ['over 0']] },
      { title: 'a unit may be in upper or lower case', requests: repeat(1, ['week=x']), expected: [['ok 1']] },
    ],
  },
];

/** Sends the requests in order to a rate limit service and returns the results in the form of `expected`. */
export async function sendInOrder(
  client: GrpcClient,
  domain: string,
  requests: Scenario['requests'],
): Promise<readonly (readonly string[])[]> {
  const results: string[][] = [];
  for (const descriptors of requests) {
    const messages = descriptors.map((entries) => ({ entries: entries.map(parseEntry) }));
    const request = RateLimitRequest.fromPartial({ domain, descriptors: messages });
    const { statuses } = await client.call(RateLimitServiceService.shouldRateLimit, request);
    results.push(
      statuses.map(({ code, currentLimit, limitRemaining }) => {
        const verdict = code === Code.OVER_LIMIT ? 'over' : 'ok';
        const hasLimit = currentLimit !== undefined || limitRemaining > 0;
        return hasLimit ? `${verdict} ${limitRemaining}` : verdict;
      }),
    );
  }
  return results;
}

function parseEntry(text: string): { key: string; value: string } {
  const separator = text.indexOf('=');
  return { key: text.slice(0, separator), value: text.slice(separator + 1) };
}
