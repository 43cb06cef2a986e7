import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../config.ts';

describe('HTTP_CORS_ORIGINS', () => {
  it('allows no origin by default', () => {
    expect(readConfig({}).httpApi).toEqual({ corsOrigins: new Set(), hasConsole: true });
  });

  it('is a list of origins, or * alone', () => {
    const origins = 'https://console.example.com, http://localhost:3000';
    expect([...(readConfig({ HTTP_CORS_ORIGINS: origins }).httpApi?.corsOrigins ?? [])]).toEqual([
      'https://console.example.com',
      'http://localhost:3000',
    ]);
    expect([...(readConfig({ HTTP_CORS_ORIGINS: '*' }).httpApi?.corsOrigins ?? [])]).toEqual(['*']);
  });

  it.for([
    'console.example.com',
    'https://console.example.com/',
    'https://Console.example.com',
    'https://console.example.com:443',
    'https://*.example.com',
    'null',
    '*, https://console.example.com',
  ])('rejects %s, which no browser sends', (origins) => {
    expect(() => readConfig({ HTTP_CORS_ORIGINS: origins })).toThrow(/^HTTP_CORS_ORIGINS: must be origins/);
  });
});

describe('HTTP_API', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-config-'));
  const ca = path.join(folder, 'ca.pem');
  writeFileSync(ca, '-----BEGIN CERTIFICATE-----\n');
  afterAll(() => rmSync(folder, { recursive: true }));

  const askForCertificates = (name: string) => ({
    [`${name}_TLS_CERT_FILE`]: 'package.json', // any file that can be read
    [`${name}_TLS_KEY_FILE`]: 'package.json',
    [`${name}_TLS_CLIENT_CA_FILE`]: ca,
  });

  it('is on, except on nodes of the role decision', () => {
    expect(readConfig({}).httpApi).toBeDefined();
    expect(readConfig({ HTTP_API: 'off' }).httpApi).toBeUndefined();
    const decision = { WEIR_ROLE: 'decision', DATABASE_URL: 'postgres://db/weir' };
    expect(readConfig({ ...decision, HTTP_API: 'on' }).httpApi).toBeUndefined();
  });

  it('is off while only ADMIN_ADDRESS asks for certificates, unless it is set to on', () => {
    const admin = askForCertificates('ADMIN');
    expect(readConfig(admin).httpApi).toBeUndefined();
    expect(readConfig({ ...admin, HTTP_API: 'on' }).httpApi).toBeDefined();
    expect(readConfig({ ...admin, ...askForCertificates('HTTP') }).httpApi).toBeDefined();
  });
});

describe('CONSOLE', () => {
  it('is on where the admin API is served over HTTP, unless it is off', () => {
    expect(readConfig({}).httpApi?.hasConsole).toBe(true);
    expect(readConfig({ CONSOLE: 'off' }).httpApi).toMatchObject({ hasConsole: false });
    expect(readConfig({ HTTP_API: 'off' }).httpApi).toBeUndefined();
    const decision = { WEIR_ROLE: 'decision', DATABASE_URL: 'postgres://db/weir' };
    expect(readConfig({ ...decision, CONSOLE: 'on' }).httpApi).toBeUndefined();
  });

  it('is refused where the admin API is off', () => {
    expect(() => readConfig({ CONSOLE: 'on', HTTP_API: 'off' })).toThrow(/^CONSOLE: needs HTTP_API=on, because/);
    const file = 'package.json'; // any file that can be read
    const admin = { ADMIN_TLS_CERT_FILE: file, ADMIN_TLS_KEY_FILE: file, ADMIN_TLS_CLIENT_CA_FILE: file };
    expect(() => readConfig({ ...admin, CONSOLE: 'on' })).toThrow(/CONSOLE: needs HTTP_API=on; it is off while/);
  });

  it('must be on or off', () => {
    expect(() => readConfig({ CONSOLE: 'yes' })).toThrow('CONSOLE: must be on or off');
  });
});
