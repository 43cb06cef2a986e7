import { createStackParser } from '@sentry/core';
import { nodeStackLineParser } from '@sentry/core/server';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../logger.ts';
import { parseErrorLine, toErrorEvent } from './error-event.ts';

const parse = createStackParser(nodeStackLineParser());

/** Logs a line with these fields. Returns its event. */
function report(level: 'warn' | 'error', fields: object, message: string) {
  const lines: string[] = [];
  createLogger('info', { process: 'control' }, { write: (line) => lines.push(line) })[level](fields, message);
  const error = parseErrorLine(lines[0] ?? '');
  return error && toErrorEvent(error, parse);
}

describe('an error of the log', () => {
  it('becomes an event with its causes and stacks', () => {
    const err = new TypeError('outer', { cause: new Error('inner\nwith a row of the database') });
    const event = report(
      'error',
      { err, method: 'createPlan', peer: '203.0.113.9', actor: 'accounts/ada' },
      'it failed',
    );
    expect(event).toMatchObject({ level: 'error', message: 'it failed', tags: { process: 'control' } });
    expect(event?.extra).toEqual({ method: 'createPlan' });
    expect(event?.exception?.values?.map(({ type, value }) => [type, value])).toEqual([
      ['Error', 'inner'],
      ['TypeError', 'outer'],
    ]);
    const frames = event?.exception?.values?.at(-1)?.stacktrace?.frames ?? [];
    expect(frames.some(({ filename }) => filename?.endsWith('error-event.test.ts'))).toBe(true);
    for (const text of ['203.0.113.9', 'ada', 'row of']) expect(JSON.stringify(event)).not.toContain(text);
  });

  it('keeps the redaction of the log', () => {
    const event = report('error', { token: 'known secret', request: { password: 'known secret' } }, 'it failed');
    expect(JSON.stringify(event)).not.toContain('known secret');
  });

  it('is no warning', () => {
    expect(report('warn', {}, 'look at this')).toBeUndefined();
  });
});
