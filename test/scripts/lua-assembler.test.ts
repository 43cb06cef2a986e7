import { describe, expect, it } from 'vitest';
import { assembleLua } from '../../scripts/lua-assembler.ts';

function assemble(files: Record<string, string>): string {
  return assembleLua('main.lua', (file) => files[file] ?? '');
}

describe('assembling a Lua script', () => {
  it('inserts included files, which can include others', () => {
    const files = {
      'main.lua': 'local a\n-- @include b.lua\nreturn a',
      'b.lua': '-- @include c.lua',
      'c.lua': 'a = 1\n',
    };
    expect(assemble(files)).toBe('local a\na = 1\nreturn a\n');
  });

  it('removes comments and empty lines, and keeps indentation', () => {
    expect(assemble({ 'main.lua': '-- why\n\nif a then\n  -- because\n  b()\nend\n' })).toBe('if a then\n  b()\nend\n');
  });

  it('rejects a comment after code', () => {
    expect(() => assemble({ 'main.lua': 'local a -- why' })).toThrow('comments must have a line of their own');
  });

  it('stores fields by position, under each of their names', () => {
    const source = '-- @fields one other = a b|c\n-- @fields one other = d\none.a, other.c = one.b, two.d + one.d';
    expect(assemble({ 'main.lua': source })).toBe('one[1], other[2] = one[2], two.d + one[3]\n');
  });

  it('rejects a field that is not listed', () => {
    expect(() => assemble({ 'main.lua': '-- @fields one = a b\none.c = 1' })).toThrow(
      'one.c: must be one of the fields a, b',
    );
  });

  it('replaces each alias by its field', () => {
    expect(assemble({ 'main.lua': '-- @alias one.x = a b\none.a = one.b + other.a + one.ab' })).toBe(
      'one.x = one.x + other.a + one.ab\n',
    );
  });

  it('rejects an unknown directive', () => {
    expect(() => assemble({ 'main.lua': '-- @field one = a' })).toThrow('unknown directive: -- @field one = a');
  });
});
