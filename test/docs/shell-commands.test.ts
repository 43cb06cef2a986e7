import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { goTool } from '../http2/clients/go-tool.ts';
import { test as it } from '../support/fixtures.ts';
import { ADMINISTRATOR, type TestNode } from '../support/node.ts';
import { codeBlocks } from './markdown.ts';

const run = promisify(execFile);

/**
 * Runs a block as a reader would, against this node's ports. Returns the output; rejects if a command fails. Runs the
 * block asynchronously, because the node that must answer is in this process.
 */
async function runBlock(block: string, { app }: TestNode): Promise<string> {
  const script = block
    .replaceAll('"PASSWORD"', JSON.stringify(ADMINISTRATOR.password))
    .replaceAll('localhost:8082', `localhost:${app.ports.admin}`)
    .replaceAll('localhost:8080', `localhost:${app.ports.http}`);
  const grpcurl = path.dirname(goTool('grpcurl'));
  const env = { ...process.env, PATH: `${grpcurl}${path.delimiter}${process.env.PATH}` };
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], { env });
  return stdout;
}

const callsOf = (page: string) =>
  codeBlocks(readFileSync(page, 'utf8'), 'sh').filter((block) => block.includes('grpcurl'));

describe('the commands of the documentation', () => {
  it('sign in, create a key and get an answer that allows the request, in README.md', async ({ node }) => {
    const [block = '', ...others] = callsOf('README.md');
    expect(others).toEqual([]);
    const printed = await runBlock(block, node);
    expect(printed).toContain('"okResponse"');
    expect(printed).toContain('"plan": "free"');
  });

  it('admit five requests and deny the sixth with 429, in docs/getting-started.md', async ({ node }) => {
    const [block = '', ...others] = callsOf('docs/getting-started.md');
    expect(others).toEqual([]);
    const printed = await runBlock(block, node);
    expect(printed.match(/"okResponse"/g)).toHaveLength(5);
    expect(printed.match(/"code": 429/g)).toHaveLength(1);
  });

  it('find no fault in the rules of the demo, in docs/getting-started.md', async () => {
    const [command = ''] = codeBlocks(readFileSync('docs/getting-started.md', 'utf8'), 'sh')
      .flatMap((block) => block.split('\n'))
      .filter((line) => line.includes('check-rules'));
    const operands = command.replace(/^npm run --silent weir -- /, '').split(' ');
    const { stdout } = await run(process.execPath, ['src/main.ts', ...operands]);
    expect(stdout).toBe('demo/rules.yaml: 1 domain, no faults\n');
  });
});
