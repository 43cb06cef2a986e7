import { expect, it } from 'vitest';
import { readConfig } from '../config.ts';

it('reads how a folder of rules is read; by default dot files are ignored and domains are not merged', () => {
  expect(readConfig({}).rulesFolder).toEqual({ ignoreDotFiles: true, mergeDomains: false });
  expect(readConfig({ RUNTIME_IGNOREDOTFILES: 'false', MERGE_DOMAIN_CONFIG: 'true' }).rulesFolder).toEqual({
    ignoreDotFiles: false,
    mergeDomains: true,
  });
  expect(() => readConfig({ RUNTIME_IGNOREDOTFILES: 'no' })).toThrow('must be true or false (got "no")');
});
