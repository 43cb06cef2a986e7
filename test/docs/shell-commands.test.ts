import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect } from 'vitest';
import { findGoTool, GO_BUILD_TIMEOUT_MS } from '../../provision/programs/go-tools.ts';
import { check, httpStatus } from '../support/clients/decision-calls.ts';
import { test as it } from '../support/fixtures.ts';
import { ADMINISTRATOR, type TestNode } from '../support/node.ts';
import { codeBlocks } from './markdown.ts';

const run = promisify(execFile);

/**
 * Runs a block as a reader would, against this node's ports. Returns the output; rejects if a command fails. Runs the
 * block asynchronously, because the node that must answer is in this process.
 */
async function runBlock(block: string, { app }: TestNode, token = ''): Promise<string> {
  const script = block
    .replaceAll('"PASSWORD"', JSON.stringify(ADMINISTRATOR.password))
    .replaceAll('localhost:8081', `localhost:${app.ports.decision}`)
    .replaceAll('localhost:8082', `localhost:${app.ports.admin}`)
    .replaceAll('localhost:8080', `localhost:${app.ports.http}`);
  const grpcurl = path.dirname(await findGoTool('grpcurl'));
  const env = { ...process.env, PATH: `${grpcurl}${path.delimiter}${process.env.PATH}`, TOKEN: token };
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], { env });
  return stdout;
}

const callsOf = (page: string) =>
  codeBlocks(readFileSync(page, 'utf8'), 'sh').filter((block) => block.includes('grpcurl'));

describe('the commands of the documentation', () => {
  beforeAll(() => findGoTool('grpcurl'), GO_BUILD_TIMEOUT_MS);

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

  it('import a secret and a digest, in docs/importing-keys.md', async ({ node, administrator }) => {
    const token = administrator.authorization?.replace('Bearer ', '');
    const [block = '', ...others] = callsOf('docs/importing-keys.md');
    expect(others).toEqual([]);
    const { results } = JSON.parse(await runBlock(block, node, token)) as { results: { apiKey: { hint: string } }[] };
    expect(results.map(({ apiKey }) => apiKey.hint)).toEqual(['acme_live_…cdef', 'acme_live_…3210']);
    for (const secret of ['acme_live_0123456789abcdef', 'acme_live_fedcba9876543210']) {
      expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
    }
  });

  it('create plans and keys, in docs/plans-and-keys.md', async ({ node, administrator }) => {
    const token = administrator.authorization?.replace('Bearer ', '');
    const printed = await runBlock(
      ['A="authorization: Bearer $TOKEN"', ...callsOf('docs/plans-and-keys.md')].join('\n'),
      node,
      token,
    );
    expect(printed.match(/"secret": "wk_live_/g)).toHaveLength(3);
  });

  it('create, list, disable, enable, block, unblock and delete an account, in docs/accounts.md', async ({
    node,
    administrator,
  }) => {
    const token = administrator.authorization?.replace('Bearer ', '');
    const block = callsOf('docs/accounts.md').find((code) => code.includes('AccountService/CreateAccount')) ?? '';
    const printed = await runBlock(block, node, token);
    expect(printed.match(/"email": "it@acme.example"/g)).toHaveLength(6);
    expect(printed.match(/"disableReason": "unpaid"/g)).toHaveLength(1);
    expect(printed.match(/"blockReason": "scraping"/g)).toHaveLength(1);
    expect(printed.trim().endsWith('{}')).toBe(true);
  });

  it('trust issuers and move the keys of one to a URL, in docs/tokens.md', async ({ node, administrator }) => {
    const token = administrator.authorization?.replace('Bearer ', '');
    const block = callsOf('docs/tokens.md').find((code) => code.includes('IssuerService/CreateIssuer')) ?? '';
    const printed = await runBlock(block, node, token);
    expect(printed).toContain('"jwksUri": "https://login.example.com/keys"');
    expect(printed).toContain('"disabled": true');
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
