import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { goTool } from '../http2/go-tool.ts';
import { test as it } from '../support/fixtures.ts';
import { ADMINISTRATOR, type TestNode } from '../support/node.ts';
import { codeBlocks } from './markdown.ts';

/** Runs a block as a reader would, against this node's ports. */
function runBlock(block: string, { app }: TestNode): string {
  const script = block
    .replaceAll('"PASSWORD"', JSON.stringify(ADMINISTRATOR.password))
    .replaceAll('localhost:8082', `localhost:${app.ports.admin}`)
    .replaceAll('localhost:8080', `localhost:${app.ports.http}`);
  const grpcurl = path.dirname(goTool('grpcurl'));
  const env = { ...process.env, PATH: `${grpcurl}${path.delimiter}${process.env.PATH}` };
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`exit code ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

const callsOf = (page: string) =>
  codeBlocks(readFileSync(page, 'utf8'), 'sh').filter((block) => block.includes('grpcurl'));

describe('the commands of the documentation', () => {
  it('sign in, create a key and get an answer that allows the request, in README.md', ({ node }) => {
    const [block = '', ...others] = callsOf('README.md');
    expect(others).toEqual([]);
    const printed = runBlock(block, node);
    expect(printed).toContain('"okResponse"');
    expect(printed).toContain('"plan": "free"');
  });

  it('admit five requests and deny the sixth with 429, in docs/getting-started.md', ({ node }) => {
    const [block = '', ...others] = callsOf('docs/getting-started.md');
    expect(others).toEqual([]);
    const printed = runBlock(block, node);
    expect(printed.match(/"okResponse"/g)).toHaveLength(5);
    expect(printed.match(/"code": "TooManyRequests"/g)).toHaveLength(1);
  });

  it('find no fault in the rules of the demo, in docs/getting-started.md', () => {
    const [command = ''] = codeBlocks(readFileSync('docs/getting-started.md', 'utf8'), 'sh')
      .flatMap((block) => block.split('\n'))
      .filter((line) => line.includes('check-rules'));
    const operands = command.replace(/^npm run --silent weir -- /, '').split(' ');
    const { status, stdout } = spawnSync(process.execPath, ['src/main.ts', ...operands], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'demo/rules.yaml: 1 domain, no faults\n' });
  });
});
