import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runWeir } from './run-weir.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

describe('the weir command', () => {
  it('lists its commands with --help and exits 0', async () => {
    const { code, out, err } = await runWeir(['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const command of ['serve', 'migrate', 'check-rules', 'explain']) expect(out).toContain(`  ${command} `);
  });

  it('prints the version of the package with --version and exits 0', async () => {
    expect(await runWeir(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  it.each(['serve', 'migrate', 'check-rules', 'explain'])(
    'explains the command %s with --help and exits 0',
    async (name) => {
      const { code, out, err } = await runWeir([name, '--help']);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain(`Usage: weir ${name}`);
    },
  );

  it('suggests the nearest command for an unknown one and exits 2', async () => {
    const { code, out, err } = await runWeir(['chek-rules']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain("unknown command 'chek-rules'");
    expect(err).toContain('(Did you mean check-rules?)');
  });

  it.each([[[]], [['serve', 'extra']], [['migrate']], [['migrate', 'sideways']], [['serve', '--port']]])(
    'exits 2 and prints nothing on stdout if it does not understand %j',
    async (operands) => {
      const { code, out, err } = await runWeir(operands);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toContain('--help');
    },
  );
});
