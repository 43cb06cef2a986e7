import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findGoTool } from '../../provision/programs/go-tools.ts';
import { waitUntil } from '../support/wait-until.ts';

const run = promisify(execFile);
const START_TIMEOUT_MS = 120_000;

let stopDemo: () => Promise<void>;
/** The printed calls with what is printed above each, in order. */
const calls: { promise: string; command: string }[] = [];
/** The outputs of the calls, in the same order. */
const outputs: string[] = [];

/** Starts `npm run demo` without its set-up. Returns what it prints until the calls are complete. */
async function startDemo(): Promise<string> {
  const demo = spawn(process.execPath, ['demo/main.ts'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(demo, 'exit');
  stopDemo = async () => {
    demo.kill('SIGINT');
    await exited;
  };
  let printed = '';
  demo.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  await waitUntil(async () => printed.includes('Press Ctrl-C'), START_TIMEOUT_MS);
  return printed;
}

beforeAll(async () => {
  const printed = await startDemo();
  const [, assignments = '', text = ''] = /\n\n((?: {2}\w+=\S+\n)+)\n([\s\S]*)\n\nPress/.exec(printed) ?? [];
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index += 2)
    calls.push({ promise: lines[index] ?? '', command: lines[index + 1] ?? '' });
  const env = {
    ...process.env,
    PATH: `${path.dirname(await findGoTool('grpcurl'))}${path.delimiter}${process.env.PATH}`,
  };
  for (const { command } of calls)
    outputs.push((await run('bash', ['-euo', 'pipefail', '-c', assignments + command], { env })).stdout);
}, 600_000);
afterAll(() => stopDemo?.());

/** The output of the call below this line. */
function outputOf(promise: string): string {
  const index = calls.findIndex((call) => call.promise.startsWith(promise));
  return outputs[index] ?? expect.unreachable(`the demo prints no call below "${promise}"`);
}

describe('the calls that npm run demo prints, made in their order', () => {
  it('are a line that says what happens and a line with the call', () => {
    expect(calls.length).toBe(6);
    for (const { promise, command } of calls) {
      expect(promise).toMatch(/^\S.*:$/);
      expect(command).toMatch(/^ {2}(?:curl|for|grpcurl) /);
    }
  });

  it('get 401 without a key', () => {
    expect(outputOf('Without a key')).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('reach the upstream with the identity of the key, and four requests remain', () => {
    const output = outputOf('The upstream receives');
    expect(output).toMatch(/^HTTP\/1\.1 200 /);
    expect(output).toContain('x-ratelimit-remaining: 4\r\n');
    expect(output).toContain('x-weir-plan: five-a-minute');
    expect(output).not.toContain('enterprise');
  });

  it('charge the same budget through the rate limit filter', () => {
    const output = outputOf("Envoy's rate limit filter");
    expect(output).toMatch(/^HTTP\/1\.1 200 /);
    expect(output).toContain('x-ratelimit-remaining: 3\r\n');
  });

  it('let five requests pass and reject the sixth', () => {
    expect(outputOf('Five requests').trim().split('\n')).toEqual(['200', '200', '200', '200', '200', '429']);
  });

  it('are rejected with the time to wait', () => {
    const output = outputOf('Its response');
    expect(output).toMatch(/^HTTP\/1\.1 429 /);
    expect(Number(/^retry-after: (\d+)\r$/m.exec(output)?.[1])).toBeGreaterThan(0);
  });

  it('list the services of the admin API', () => {
    expect(outputOf('The admin API').split('\n')).toContain('weir.admin.v1.ApiKeyService');
  });
});
