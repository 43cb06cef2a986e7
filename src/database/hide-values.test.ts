import { describe, expect, it } from 'vitest';
import { hideValues } from './hide-values.ts';

describe('hideValues', () => {
  it.each([
    [`select "id" from account where email = 'ada@example.com'`, `select "id" from account where email = ?`],
    [`select 'it''s' || E'a \\' b' || 'back\\' from t1`, 'select ? || ? || ? from t1'],
    [
      `insert into "t" ("a", "b") values ('x', 12), (null, -1.5e-7), (true, 0x1f)`,
      'insert into "t" ("a", "b") values (?, ?), (null, -?), (true, ?)',
    ],
    [
      'update t set a = $1, b = $tag$ it is $1 $$ secret $tag$ where c = $$secret$$',
      'update t set a = $1, b = ? where c = ?',
    ],
    [`select U&'secret', X'1f', n'secret', b'01', e'secret'`, 'select ?, ?, ?, ?, ?'],
    [`select "a ""'quoted' name", 'after' from "t2"`, `select "a ""'quoted' name", ? from "t2"`],
    [`select 'cut off`, 'select ?'],
    [`  begin isolation level read committed`, 'begin isolation level read committed'],
    [`select col_1 from x.y2 limit 100 offset 20`, 'select col_1 from x.y2 limit ? offset ?'],
    [`select name'secret'`, 'select name?'],
  ])('hides the values of %j', (statement, expected) => {
    expect(hideValues(statement)).toBe(expected);
  });
});
