import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ApiError } from '../../domain/api-error.ts';

const deriveKey = promisify(argon2);

/** The minimum that OWASP recommends for argon2id: 19 MiB, two passes, one lane. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const TAG_BYTES = 32;

/**
 * Each hash takes 19 MiB and one of libuv's four threads. File access and name look-ups need these threads as well.
 */
const MAX_CONCURRENT_HASHES = 2;
/** With more in front of it, a sign-in would wait for seconds. It is rejected as `busy` instead. */
const MAX_WAITING_HASHES = 32;

const PHC_FORMAT = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Compared with the password if there is no account, so that the answer takes the same time. */
const DUMMY_HASH = formatHash(Buffer.alloc(SALT_BYTES), Buffer.alloc(TAG_BYTES));

let hashes = 0;
let running = 0;
const waiting: (() => void)[] = [];

/** The number of passwords that this process has hashed. */
export function countPasswordHashes(): number {
  return hashes;
}

/** Hashes a password. The result is in PHC format (`$argon2id$v=19$…`), which includes the parameters. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const tag = await computeArgon2id({
    message: password,
    nonce: salt,
    memory: MEMORY_KIB,
    passes: PASSES,
    parallelism: LANES,
    tagLength: TAG_BYTES,
  });
  return formatHash(salt, tag);
}

/**
 * Whether a password has this hash. Pass null as the hash of an unknown account, or of one without a password: the
 * result is false, after the same time as for any other. Throws if the hash is not argon2id.
 */
export async function verifyPassword(password: string, passwordHash: string | null): Promise<boolean> {
  const [, memory, passes, parallelism, salt, tag] = PHC_FORMAT.exec(passwordHash ?? DUMMY_HASH) ?? [];
  if (salt === undefined || tag === undefined) throw new Error('password hash: must be argon2id in PHC format');
  const expected = Buffer.from(tag, 'base64');
  const actual = await computeArgon2id({
    message: password,
    nonce: Buffer.from(salt, 'base64'),
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: expected.length,
  });
  return timingSafeEqual(actual, expected) && passwordHash !== null;
}

async function computeArgon2id(parameters: Argon2Parameters): Promise<Buffer> {
  if (waiting.length >= MAX_WAITING_HASHES) throw new ApiError({ kind: 'busy' });
  if (running >= MAX_CONCURRENT_HASHES) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  hashes += 1;
  try {
    return await deriveKey('argon2id', parameters);
  } finally {
    const startNext = waiting.shift();
    if (startNext === undefined) running -= 1;
    else startNext(); // it takes over this slot, so `running` stays the same
  }
}

function formatHash(salt: Buffer, tag: Buffer): string {
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${encodeBase64(salt)}$${encodeBase64(tag)}`;
}

/** Without padding, as the PHC format requires. */
function encodeBase64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
