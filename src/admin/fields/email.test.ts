import { expect, it } from 'vitest';
import { isEmail, isPlainEmail } from './email.ts';

it.each(['ada@example.com', "o'brien+weir@example.co.uk", 'a@b', 'ü@exämple.de', `${'a'.repeat(248)}@b.com`])(
  'accounts may have the address %s',
  (text) => {
    expect([isEmail(text), isPlainEmail(text)]).toEqual([true, true]);
  },
);

it.each([
  '<ada@example.com>',
  'x,ada@example.com',
  'x:ada@example.com;',
  'ada(comment)@example.com',
  'ada@[127.0.0.1]',
  'ada\\@example.com',
  'ada\u200b@example.com',
  '\u202eada@example.com',
])('accounts have the address %j only from earlier versions', (text) => {
  expect([isEmail(text), isPlainEmail(text)]).toEqual([true, false]);
});

it.each(['', 'ada', 'ada@', '@example.com', 'a@b@c', 'a b@c', 'a@b\n', 'a@b\0', `${'a'.repeat(250)}@b.com`])(
  'no account has the address %j',
  (text) => {
    expect([isEmail(text), isPlainEmail(text)]).toEqual([false, false]);
  },
);
