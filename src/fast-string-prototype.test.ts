import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** Runs in its own process, where nothing else has read strings yet. */
const PROGRAM = `
import 'ioredis';
import { keepStringPrototypeFast } from './src/fast-string-prototype.ts';

const isFast = [%HasFastProperties(String.prototype)];
keepStringPrototypeFast();
isFast.push(%HasFastProperties(String.prototype));
class Text extends String {}
isFast.push(%HasFastProperties(String.prototype));
console.log(JSON.stringify(isFast));
`;

it('makes strings fast again after ioredis made them slow, and they stay fast when another class extends String', () => {
  const options = ['--allow-natives-syntax', '--input-type=module', '--eval', PROGRAM];
  expect(JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8' }))).toEqual([false, true, true]);
});
