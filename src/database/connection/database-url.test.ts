import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDatabaseUrl } from './database-url.ts';

const PASSWORD = 'correct-horse';
const parse = (parameters: string) => parseDatabaseUrl(`postgres://weir:${PASSWORD}@db.example:5432/weir${parameters}`);

function readFault(parameters: string): string {
  try {
    parse(parameters);
  } catch (error) {
    const message = String(error);
    expect(message).not.toContain(PASSWORD);
    return message;
  }
  return 'none';
}

describe('a Postgres URL', () => {
  it('is in clear without parameters', () => {
    expect(parse('')).toMatchObject({
      address: `postgres://weir:${PASSWORD}@db.example:5432/weir`,
      host: 'db.example',
      sslMode: 'disable',
      negotiation: 'postgres',
    });
    expect(parse('?').sslMode).toBe('disable');
    expect(parse('?sslmode=').sslMode).toBe('disable');
  });

  it.each([
    ['?sslmode=disable', { sslMode: 'disable', rootCertificate: undefined }],
    ['?sslmode=require', { sslMode: 'require', rootCertificate: undefined }],
    ['?sslmode=require&sslrootcert=/ca', { sslMode: 'verify-ca', rootCertificate: '/ca' }],
    ['?sslmode=verify-ca&sslrootcert=/ca', { sslMode: 'verify-ca', rootCertificate: '/ca' }],
    ['?sslrootcert=/a%2Bb+c&sslmode=verify-full', { sslMode: 'verify-full', rootCertificate: '/a+b+c' }],
    ['?sslmode=verify-full', { sslMode: 'verify-full', rootCertificate: 'system' }],
    ['?sslrootcert=system', { sslMode: 'verify-full', rootCertificate: 'system' }],
    ['?sslmode=verify-full&sslnegotiation=direct', { negotiation: 'direct' }],
    ['?sslmode=require&sslcert=/c&sslkey=/k&sslpassword=p', { certificate: '/c', key: '/k', keyPassword: 'p' }],
    ['?application_name=a%20b&connect_timeout=3', { applicationName: 'a b', connectTimeoutSeconds: 3 }],
  ])('with %s has the meaning that libpq gives it', (parameters, expected) => {
    expect(parse(parameters)).toMatchObject(expected);
  });

  it.each([
    [
      '?sslmode=verify-fulll',
      'sslmode of disable, require, verify-ca, verify-full (got "verify-fulll"; did you mean "verify-full"?)',
    ],
    ['?sslmode=prefer', '(got "prefer"): prefer would fall back to a connection in clear'],
    ['?sslmode=allow', '(got "allow"): allow would fall back to a connection in clear'],
    ['?sslmode=VERIFY-FULL', 'sslmode of disable'],
    ['?ssl_mode=verify-full', '(got "ssl_mode"; did you mean "sslmode"?)'],
    ['?sslrootcrt=/ca&sslmode=require', '(got "sslrootcrt"; did you mean "sslrootcert"?)'],
    ['?SSLMODE=require', '(got "SSLMODE"; did you mean "sslmode"?)'],
    ['?ssl=true', '(got "ssl")'],
    ['?channel_binding=require', '(got "channel_binding")'],
    ['?sslmode=require&sslmode=disable', 'the parameter sslmode twice'],
    ['?sslmode=verify-ca', 'must have sslrootcert with sslmode=verify-ca'],
    ['?sslmode=require&sslrootcert=system', 'must have sslmode=verify-full with sslrootcert=system'],
    ['?sslrootcert=/ca', 'with sslrootcert, which has no effect without TLS'],
    ['?sslmode=disable&sslrootcert=system', 'with sslrootcert, which has no effect without TLS'],
    ['?sslcert=/c&sslkey=/k', 'with sslcert, which has no effect without TLS'],
    ['?sslnegotiation=direct', 'with sslnegotiation, which has no effect without TLS'],
    ['?sslmode=require&sslcert=/c', 'both sslcert and sslkey'],
    ['?sslmode=require&sslcrl=/c', 'must have sslrootcert with sslcrl'],
    ['?sslmode=require&ssl_min_protocol_version=TLSv1', 'ssl_min_protocol_version of TLSv1.2, TLSv1.3 (got "TLSv1"'],
    ['?connect_timeout=0', 'connect_timeout'],
    ['#sslmode=require', 'must not have a #'],
  ])('with %s is rejected, and the message says why', (parameters, message) => {
    expect(readFault(parameters)).toContain(message);
  });

  it('never ignores a parameter, and never repeats a value that may be a secret', () => {
    const known = new Set(['sslmode', 'application_name', 'options']);
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z_.@ -]{1,16}$/), (name) => {
        fc.pre(!known.has(name) && !name.startsWith('ssl') && name !== 'connect_timeout');
        const fault = readFault(`?${encodeURIComponent(name)}=${PASSWORD}`);
        expect(fault).toContain('must have only parameters that Weir understands');
      }),
    );
  });
});
