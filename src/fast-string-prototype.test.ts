import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** In a process of its own, where nothing else has looked at strings. */
const PROGRAM = `
import 'ioredis';
import { keepStringPrototypeFast } from './src/string-prototype.ts';

const found = [%HasFastProperties(String.prototype)];
keepStringPrototypeFast();
found.push(%HasFastProperties(String.prototype));
class Text extends String {}
found.push(%HasFastProperties(String.prototype));
console.log(JSON.stringify(found));
`;

it('makes strings fast that ioredis has made slow, and they stay so when another class extends String', () => {
  const options = ['--allow-natives-syntax', '--input-type=module', '--eval', PROGRAM];
  expect(JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8' }))).toEqual([false, true, true]);
});
