import { expect, test } from 'vitest';
import { CannotOpen, createSealer } from './key-sealer.ts';

const name = { id: 'k1', algorithm: 'HS256' };
const key = { kty: 'oct', k: 'a known secret' };
const sealer = createSealer('a secret of at least 32 characters');

test('a node with the same secret opens what another sealed', () => {
  const sealed = sealer.seal(name, key);
  expect(createSealer('a secret of at least 32 characters').open(name, sealed)).toEqual(key);
  expect(sealed).not.toContain(key.k);
});

test('the same key is never sealed into the same text', () => {
  expect(sealer.seal(name, key)).not.toBe(sealer.seal(name, key));
});

test('another secret opens nothing', () => {
  expect(() => createSealer('another secret of at least 32 characters').open(name, sealer.seal(name, key))).toThrow(
    CannotOpen,
  );
});

test('a sealed key is good under its own id and algorithm only', () => {
  const sealed = sealer.seal(name, key);
  expect(() => sealer.open({ ...name, id: 'k2' }, sealed)).toThrow(CannotOpen);
  expect(() => sealer.open({ ...name, algorithm: 'EdDSA' }, sealed)).toThrow(CannotOpen);
});

test('whatever was changed is refused', () => {
  const sealed = sealer.seal(name, key);
  const bytes = Buffer.from(sealed.slice(3), 'base64url');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(() => sealer.open(name, `v1.${changed.toString('base64url')}`)).toThrow(CannotOpen);
  }
  for (const text of ['', 'v1.', sealed.slice(0, -4), `v2.${sealed.slice(3)}`, '{"kty":"oct"}']) {
    expect(() => sealer.open(name, text)).toThrow(CannotOpen);
  }
});

test('the refusal names the key and nothing that was sealed', () => {
  const refused = () => sealer.open({ ...name, id: 'k2' }, sealer.seal(name, key));
  expect(refused).toThrow('the signing key k2 cannot be opened');
  expect(refused).not.toThrow(key.k);
});
