import type { FieldFault } from '../validation/field-fault.ts';

/** A key in the format of RFC 7517; its other members depend on `kty`. */
export type JsonWebKey = { readonly kty: string; readonly kid?: string; readonly alg?: string } & Readonly<
  Record<string, unknown>
>;

export interface JsonWebKeySet {
  readonly keys: readonly JsonWebKey[];
}

const MAX_KEYS = 64;
/** Members that only a private key or a secret has (RFC 7518, section 6). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
/** Members that a public key must have, by key type. */
const PUBLIC_MEMBERS = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'] } as const;
const KEY_TYPES = Object.keys(PUBLIC_MEMBERS);
/** Length in base64url of a modulus of 2048 bits, the minimum of RFC 7518. */
const MIN_MODULUS_LENGTH = 342;

/**
 * Validates a set of public keys of any JSON type. Returns every fault with its path (`jwks.keys[0].kty`). Faults never
 * repeat a key.
 */
export function validateKeySet(set: unknown): readonly FieldFault[] {
  const keys = isObject(set) ? set.keys : undefined;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_KEYS) {
    return [{ field: 'jwks.keys', description: `must be a list of 1 to ${MAX_KEYS} public keys` }];
  }
  return keys.flatMap((key: unknown, index) => validateKey(`jwks.keys[${index}]`, key));
}

function validateKey(field: string, key: unknown): readonly FieldFault[] {
  if (!isObject(key)) return [{ field, description: 'must be a JSON Web Key (RFC 7517)' }];
  const { kty } = key;
  if (kty === 'oct') {
    return [{ field, description: 'must be a public key: anyone who knows a shared secret can sign with it' }];
  }
  const privateMembers = PRIVATE_MEMBERS.filter((member) => Object.hasOwn(key, member));
  if (privateMembers.length > 0) {
    const members = privateMembers.join(', ');
    return [
      { field, description: `must be a public key, without ${members}: anyone who has the private key can sign` },
    ];
  }
  if (!isKeyType(kty)) return [{ field: `${field}.kty`, description: `must be one of ${KEY_TYPES.join(', ')}` }];
  const faults = PUBLIC_MEMBERS[kty]
    .filter((member) => typeof key[member] !== 'string' || key[member] === '')
    .map((member) => ({ field: `${field}.${member}`, description: 'must be a non-empty string' }));
  if (faults.length === 0 && kty === 'RSA' && String(key.n).length < MIN_MODULUS_LENGTH) {
    faults.push({ field: `${field}.n`, description: 'must have at least 2048 bits' });
  }
  for (const member of ['kid', 'alg']) {
    if (key[member] === undefined || typeof key[member] === 'string') continue;
    faults.push({ field: `${field}.${member}`, description: 'must be a string' });
  }
  return faults;
}

function isKeyType(kty: unknown): kty is keyof typeof PUBLIC_MEMBERS {
  return KEY_TYPES.some((type) => type === kty);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
