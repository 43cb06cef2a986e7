import { deserialize, serialize } from 'node:v8';
import { expect, it } from 'vitest';
import { ApiError } from '../../domain/api-error.ts';
import { InvalidRules } from '../../rules/load/load-rules.ts';
import { fromPlainError, toPlainError } from './plain-error.ts';

const cross = (error: unknown) => fromPlainError(deserialize(serialize(toPlainError(error))));

it('an error that crosses a channel keeps its class where that matters, its code and its causes', () => {
  expect(cross(new ApiError({ kind: 'not_found', name: 'plans/a' }))).toEqual(
    new ApiError({ kind: 'not_found', name: 'plans/a' }),
  );
  const rules = new InvalidRules([{ file: 'a.yaml', line: 1, column: 2, description: 'unknown field' }]);
  expect(cross(rules)).toBeInstanceOf(InvalidRules);
  expect(cross(rules).message).toBe(rules.message);
  const inner = Object.assign(new TypeError('refused'), { code: 'ECONNREFUSED' });
  const outer = cross(new Error('outer', { cause: inner }));
  expect(outer.stack).toContain('plain-error.test');
  expect(outer.cause).toMatchObject({ name: 'TypeError', message: 'refused', code: 'ECONNREFUSED' });
  expect(cross('text').message).toBe('text');
});
