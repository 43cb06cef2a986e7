import { expect, it } from 'vitest';
import { ScriptCommand } from './script-command.ts';

it('encodes a script call with the length of each argument in bytes', () => {
  const command = new ScriptCommand('EVALSHA', 'abc', [1, 'wéir', '']);
  expect(command.toWritable()).toBe('*5\r\n$7\r\nEVALSHA\r\n$3\r\nabc\r\n$1\r\n1\r\n$5\r\nwéir\r\n$0\r\n\r\n');
});
