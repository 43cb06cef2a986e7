import type { Fault } from '../limits/limit-spec.ts';

const MOST_KEYS = 64;
/** Members that only a private key or a secret has (RFC 7518, 6). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
/** What a public key of each type consists of. */
const PUBLIC_MEMBERS = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'] } as const;
const TYPES = Object.keys(PUBLIC_MEMBERS);
/** Of the modulus in base64url: 2048 bits, which RFC 7518 asks for at least. */
const SHORTEST_MODULUS = 342;

/** What is wrong with a set of public keys, whatever it is, each with its place (`jwks.keys[0].kty`). No key is repeated. */
export function keySetFaults(set: unknown): readonly Fault[] {
  const keys = isObject(set) ? set.keys : undefined;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MOST_KEYS) {
    return [{ field: 'jwks.keys', description: `must be a list of 1 to ${MOST_KEYS} public keys` }];
  }
  return keys.flatMap((key: unknown, index) => keyFaults(`jwks.keys[${index}]`, key));
}

function keyFaults(field: string, key: unknown): readonly Fault[] {
  if (!isObject(key)) return [{ field, description: 'must be a JSON Web Key (RFC 7517)' }];
  const { kty } = key;
  if (kty === 'oct')
    return [{ field, description: 'must be a public key: whoever shares a secret could sign with it' }];
  const isPrivate = PRIVATE_MEMBERS.filter((member) => Object.hasOwn(key, member));
  if (isPrivate.length > 0) {
    const description = `must be a public key, without ${isPrivate.join(', ')}: whoever has seen the private one can sign`;
    return [{ field, description }];
  }
  if (!isType(kty)) return [{ field: `${field}.kty`, description: `must be one of ${TYPES.join(', ')}` }];
  const faults = PUBLIC_MEMBERS[kty]
    .filter((member) => typeof key[member] !== 'string' || key[member] === '')
    .map((member) => ({ field: `${field}.${member}`, description: 'must be given' }));
  if (faults.length === 0 && kty === 'RSA' && String(key.n).length < SHORTEST_MODULUS) {
    faults.push({ field: `${field}.n`, description: 'must have at least 2048 bits' });
  }
  for (const member of ['kid', 'alg']) {
    if (key[member] === undefined || typeof key[member] === 'string') continue;
    faults.push({ field: `${field}.${member}`, description: 'must be a text' });
  }
  return faults;
}

function isType(kty: unknown): kty is keyof typeof PUBLIC_MEMBERS {
  return TYPES.some((type) => type === kty);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
