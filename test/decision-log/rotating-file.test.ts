import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RotatingFile } from '../../src/decision-log/rotating-file.ts';
import { waitUntil } from '../support/wait-until.ts';

let folder: string;
let file: string;
let changes: (string | undefined)[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-log-file-'));
  file = path.join(folder, 'weir.log');
  changes = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function open(maxBytes: number, maxFiles: number): RotatingFile {
  return new RotatingFile({ path: file, maxBytes, maxFiles }, (failure) => changes.push(failure?.message));
}

function write(target: RotatingFile, line: string): Promise<Error | undefined> {
  return new Promise((resolve) => target.write(Buffer.from(`${line}\n`), resolve));
}

async function readLines(name: string): Promise<readonly string[]> {
  return (await readFile(path.join(folder, name), 'utf8')).trimEnd().split('\n');
}

describe('RotatingFile', () => {
  it('starts a new file when the next line does not fit, and keeps the newest files', async () => {
    const target = open(12, 3);
    for (const line of ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']) await write(target, line);
    expect((await readdir(folder)).sort()).toEqual(['weir.log', 'weir.log.1', 'weir.log.2']);
    expect(await readLines('weir.log')).toEqual(['seven', 'eight']);
    expect(await readLines('weir.log.1')).toEqual(['five', 'six']);
    expect(await readLines('weir.log.2')).toEqual(['three', 'four']);
  });

  it('keeps one file, if there may be no more', async () => {
    const target = open(12, 1);
    for (const line of ['one', 'two', 'three', 'four']) await write(target, line);
    expect(await readdir(folder)).toEqual(['weir.log']);
    expect(await readLines('weir.log')).toEqual(['three', 'four']);
  });

  it('continues a file that is there, and counts what it holds', async () => {
    await writeFile(file, 'before\n');
    const target = open(12, 2);
    await write(target, 'now');
    await write(target, 'later');
    expect(await readLines('weir.log.1')).toEqual(['before', 'now']);
    expect(await readLines('weir.log')).toEqual(['later']);
  });

  it('writes a line that is longer than a file', async () => {
    const target = open(4, 2);
    await write(target, 'a long line');
    await write(target, 'another long line');
    expect(await readLines('weir.log.1')).toEqual(['a long line']);
    expect(await readLines('weir.log')).toEqual(['another long line']);
  });

  it('goes on in a new file when another program has moved it away', async () => {
    const target = open(1000, 2);
    await write(target, 'before');
    await rename(file, `${file}.moved`);
    await waitUntil(async () => {
      await write(target, 'after');
      return (await readdir(folder)).includes('weir.log');
    });
    expect((await readLines('weir.log')).at(-1)).toBe('after');
    expect((await readLines('weir.log.moved'))[0]).toBe('before');
  });

  it('writes to no file that is gone while a new one cannot be opened', async () => {
    const target = open(1000, 2);
    await write(target, 'before');
    await rm(folder, { recursive: true });
    await waitUntil(async () => (await write(target, 'lost')) !== undefined);
    expect(await write(target, 'lost as well')).toBeInstanceOf(Error);
    await mkdir(folder);
    expect(await write(target, 'after')).toBeUndefined();
    expect(await readLines('weir.log')).toEqual(['after']);
    expect(changes).toEqual([expect.stringContaining('ENOENT'), undefined]);
  });

  it('reports a failure once, and goes on when it can', async () => {
    const target = open(1, 4);
    await write(target, 'before');
    await rm(folder, { recursive: true });
    for (let times = 0; times < 3; times++) await write(target, 'lost');
    expect(await write(target, 'lost')).toBeInstanceOf(Error);
    expect(changes).toEqual([expect.stringContaining('ENOENT')]);
    await mkdir(folder);
    expect(await write(target, 'found')).toBeUndefined();
    expect(changes).toEqual([expect.stringContaining('ENOENT'), undefined]);
    expect(await readLines('weir.log')).toEqual(['found']);
  });

  it('writes whole lines only where there is no room, also after another program has emptied the file', async () => {
    const url = new URL('../../src/decision-log/rotating-file.ts', import.meta.url).href;
    const script = `
      import { truncateSync } from 'node:fs';
      import { RotatingFile } from ${JSON.stringify(url)};
      const target = new RotatingFile({ path: ${JSON.stringify(file)}, maxBytes: 1e6, maxFiles: 2 }, () => {});
      const line = Buffer.from('x'.repeat(99) + '\\n');
      const fill = async () => { while (!(await new Promise((done) => target.write(line, done)))); };
      await fill();
      truncateSync(${JSON.stringify(file)});
      await fill();
      target.writeLast('last'.repeat(99) + '\\n');
    `;
    // A limit of one block of 512 bytes for each file. Node.js ignores its signal, so the write fails, as on a full disk.
    const limited = ['-c', 'ulimit -f 1; exec "$0" --input-type=module -e "$1"', process.execPath, script];
    await promisify(execFile)('/bin/sh', limited);
    const text = await readFile(file, 'utf8');
    expect(text).toMatch(/^(x{99}\n)+$/);
  });
});
