import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ApiError } from '../../domain/api-error.ts';

const derive = promisify(argon2);

/** OWASP's least for argon2id: 19 MiB, two passes, one lane. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const TAG_BYTES = 32;

/** Each takes 19 MiB and a thread of libuv's four, on which file access and name look-ups wait too. */
const MOST_AT_ONCE = 2;

const HASH = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** What a password is compared with where there is no account, so that the answer takes as long as for one. */
const NOBODY = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${base64(Buffer.alloc(SALT_BYTES))}$${base64(Buffer.alloc(TAG_BYTES))}`;

/** The hash of a password in PHC form (`$argon2id$v=19$…`), which names its own parameters. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(SALT_BYTES);
  const tag = await argon2id({
    message: password,
    nonce,
    memory: MEMORY_KIB,
    passes: PASSES,
    parallelism: LANES,
    tagLength: TAG_BYTES,
  });
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${base64(nonce)}$${base64(tag)}`;
}

/** Whether a password has this hash; `undefined`, for an unknown account, takes the same time and is false. */
export async function verifyPassword(password: string, passwordHash: string | undefined): Promise<boolean> {
  const [, memory, passes, parallelism, salt, tag] = HASH.exec(passwordHash ?? NOBODY) ?? [];
  if (salt === undefined || tag === undefined) throw new Error('a stored password hash is not of argon2id');
  const expected = Buffer.from(tag, 'base64');
  const actual = await argon2id({
    message: password,
    nonce: Buffer.from(salt, 'base64'),
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: expected.length,
  });
  return timingSafeEqual(actual, expected) && passwordHash !== undefined;
}

/** Behind so many, a sign-in would wait for seconds: it is told to come again. */
const MOST_WAITING = 32;

let running = 0;
const waiting: (() => void)[] = [];

async function argon2id(parameters: Argon2Parameters): Promise<Buffer> {
  if (waiting.length >= MOST_WAITING) throw new ApiError({ kind: 'busy' });
  if (running >= MOST_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await derive('argon2id', parameters);
  } finally {
    const next = waiting.shift(); // takes over this one's place
    if (next === undefined) running -= 1;
    else next();
  }
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
