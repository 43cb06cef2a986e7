import { expect, it } from 'vitest';
import { findMisnamedKey } from './misnamed-descriptor.ts';

const find = (...keys: string[]) => findMisnamedKey(keys.map((key) => ({ key, value: 'x' })))?.key;

it('finds keys that are nearly those of the domain plans', () => {
  for (const key of [
    'apikey',
    'api-key',
    'API_KEY',
    'api_kye',
    'apikeys',
    'account ',
    'acount',
    'accuont',
    'accounts',
  ]) {
    expect(find(key)).toBe(key);
    expect(find('generic', key)).toBe(key);
  }
});

it('leaves other keys to the rules of the domain', () => {
  const words = ['remote_address', 'user', 'receipt', 'amount', 'count', 'discount', 'route', 'router', 'rout'];
  for (const key of [...words, '', 'x'.repeat(5000)]) {
    expect(find(key)).toBeUndefined();
  }
});
