import { describe, expect, it } from 'vitest';
import { CannotUnseal, createSealer } from './key-sealer.ts';

const name = { id: 'k1', algorithm: 'HS256' };
const key = { kty: 'oct', k: 'a known secret' };
const sealer = createSealer('a secret of at least 32 characters');

describe('a sealed key', () => {
  it('opens on a node with the same secret', () => {
    const sealed = sealer.seal(name, key);
    expect(createSealer('a secret of at least 32 characters').open(name, sealed)).toEqual(key);
    expect(sealed).not.toContain(key.k);
  });

  it('is a different text each time', () => {
    expect(sealer.seal(name, key)).not.toBe(sealer.seal(name, key));
  });

  it('does not open with a different secret', () => {
    expect(() => createSealer('another secret of at least 32 characters').open(name, sealer.seal(name, key))).toThrow(
      CannotUnseal,
    );
  });

  it('opens under its own id and algorithm only', () => {
    const sealed = sealer.seal(name, key);
    expect(() => sealer.open({ ...name, id: 'k2' }, sealed)).toThrow(CannotUnseal);
    expect(() => sealer.open({ ...name, algorithm: 'EdDSA' }, sealed)).toThrow(CannotUnseal);
  });

  it('does not open after any change', () => {
    const sealed = sealer.seal(name, key);
    const bytes = Buffer.from(sealed.slice(3), 'base64url');
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(() => sealer.open(name, `v1.${changed.toString('base64url')}`)).toThrow(CannotUnseal);
    }
    for (const text of ['', 'v1.', sealed.slice(0, -4), `v2.${sealed.slice(3)}`, '{"kty":"oct"}']) {
      expect(() => sealer.open(name, text)).toThrow(CannotUnseal);
    }
  });

  it('is named in the error, which reveals nothing of its contents', () => {
    const open = () => sealer.open({ ...name, id: 'k2' }, sealer.seal(name, key));
    expect(open).toThrow('cannot open signing key k2');
    expect(open).not.toThrow(key.k);
  });
});
