import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckRequest } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { prepareCheckExtraction } from '../check/check-extraction.ts';
import { decodeCheckRequest } from '../check/check-request.ts';

const decode = (contextExtensions: Record<string, string>, unknownExtensions: 'deny' | 'warn' = 'deny') => {
  const request = CheckRequest.fromPartial({ attributes: { contextExtensions } });
  return decodeCheckRequest(CheckRequest.encode(request).finish(), prepareCheckExtraction({ unknownExtensions }));
};

const VALID: Readonly<Record<string, readonly string[]>> = {
  'weir.rate_limit': ['off', 'on', 'OFF', 'On'],
  'weir.auth': ['optional', 'required', 'Optional', 'REQUIRED'],
  'weir.cors_preflight': ['allow', 'deny', 'ALLOW'],
  'weir.require': ['export', 'read:orders write:orders', '"Super Admin"'],
  'weir.cost': ['0', '1', '4294967295'],
  'weir.route': ['login', '/v1/{id}', 'two words'],
};
const cases = Object.entries(VALID).flatMap(([key, values]) => values.map((value): [string, string] => [key, value]));

describe('a context extension', () => {
  it.each(cases)('%s: %j is understood, also with its key in another case', (key, value) => {
    const question = decode({ [key]: value });
    expect(question.configurationFault).toBeUndefined();
    expect(decode({ [key.toUpperCase()]: value })).toEqual(question);
  });

  it.each([
    ['weir.reqire', 'did you mean weir.require?'],
    ['weir.Auht', 'did you mean weir.auth?'],
    ['wier.auth', 'did you mean weir.auth?'],
    ['weir.rate_limits', 'did you mean weir.rate_limit?'],
    ['weir.rate-limit', 'did you mean weir.rate_limit?'],
    ['weir_require', 'did you mean weir.require?'],
    ['weir.auth ', 'did you mean weir.auth?'],
    [' weir.require', 'did you mean weir.require?'],
    ['weir.', 'must be one of'],
    ['weir', 'must be one of'],
    ['weir.x-unknown', 'must be one of'],
    ['weir/require', 'did you mean weir.require?'],
    [`weir.${'x'.repeat(5000)}`, 'must be one of'],
  ])('with the key %j is unknown', (key, hint) => {
    const { configurationFault } = decode({ [key]: 'export' });
    expect(configurationFault?.description).toContain(hint);
    expect(configurationFault).toMatchObject({ name: key.slice(0, 64), isDenied: true });
  });

  it.each(['virtual_host', 'weird.flag', 'weirdness', 'auth', 'require', '', 'my.weir.auth', 'x'.repeat(5000)])(
    'with the key %j is not for Weir',
    (key) => {
      expect(decode({ [key]: 'export' }).configurationFault).toBeUndefined();
    },
  );

  it.each([
    ['weir.rate_limit', ['', ' ', 'of', 'false', 'off ', ' off', 'off,on', 'disabled']],
    ['weir.auth', ['', 'optionl', 'optional ', 'true', 'none', 'off']],
    ['weir.cors_preflight', ['', 'allowed', 'true', ' allow']],
    ['weir.require', ['', ' ', ',', ' ,\t, ']],
    ['weir.cost', ['', ' ', '-1', '1 ', '1.5', '1e3', '4294967296', '١']],
    ['weir.route', ['', ' ', ' login', 'login\n']],
  ])('%s is not understood with any of the values %j', (key, values) => {
    for (const value of values) {
      const { configurationFault } = decode({ [key]: value });
      expect({ value, configurationFault }).toMatchObject({ configurationFault: { name: key, isDenied: true } });
      expect(configurationFault?.message).toContain(key);
    }
  });

  it('must not be there twice, with its key in different case', () => {
    const { configurationFault } = decode({ 'weir.auth': 'required', 'Weir.Auth': 'optional' }, 'warn');
    expect(configurationFault).toMatchObject({
      name: 'weir.auth',
      description: 'must not be there twice',
      isDenied: true,
    });
  });

  it('is ignored with UNKNOWN_EXTENSIONS=warn if it is not understood, except for a wrong cost', () => {
    const ignored = decode({ 'weir.reqire': 'export', 'weir.route': 'login' }, 'warn');
    expect(ignored).toMatchObject({ requiredFeatures: [], route: 'login' });
    expect(ignored.configurationFault).toMatchObject({ name: 'weir.reqire', isDenied: false });
    expect(decode({ 'weir.auth': 'maybe' }, 'warn')).toMatchObject({
      allowsAnonymous: false,
      configurationFault: { name: 'weir.auth', isDenied: false },
    });
    expect(decode({ 'weir.auth': 'maybe', 'weir.cost': 'ten' }, 'warn').configurationFault).toMatchObject({
      name: 'weir.cost',
      isDenied: true,
    });
  });

  it('that begins with Weir’s prefix is a fault or changes the settings, and is never passed over', () => {
    const changed = Object.keys(VALID);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (suffix, value) => {
        const key = `weir.${suffix}`;
        const isKnown = changed.includes(key.toLowerCase());
        expect(isKnown || decode({ [key]: value }).configurationFault !== undefined).toBe(true);
      }),
    );
  });
});
