import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createCertificates } from '../../../provision/certificates.ts';
import { findExpiry } from './certificate-expiry.ts';

it('is that of the certificate in a chain that expires first', async () => {
  const long = await createCertificates({ days: 30 });
  const short = await createCertificates({ days: 10 });
  try {
    const [first, second] = [readFileSync(long.certFile), readFileSync(short.certFile)];
    const days = (chain: Buffer) => Math.round((findExpiry(chain) - Date.now()) / 86_400_000);
    expect(days(first)).toBe(30);
    expect(days(Buffer.concat([first, second]))).toBe(10);
    expect(days(Buffer.concat([second, first]))).toBe(10);
  } finally {
    await long.remove();
    await short.remove();
  }
});

it('is unknown where there is no certificate', () => {
  expect(() => findExpiry(Buffer.from('-----BEGIN PRIVATE KEY-----'))).toThrow('no certificate');
});
