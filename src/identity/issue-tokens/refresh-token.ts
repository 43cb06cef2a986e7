import { hash, randomBytes } from 'node:crypto';

/**
 * A refresh token is `wr_<family>.<member>`, both parts random. All tokens of one sign-in share the family, which only
 * who had one of them knows; so a token with a known family and another member than the current one was used before.
 */
export interface RefreshToken {
  readonly text: string;
  readonly familyDigest: Buffer;
  /** Of the whole token. */
  readonly tokenDigest: Buffer;
}

const PART_BYTES = 24;
const FORM = /^wr_([A-Za-z0-9_-]{32})\.[A-Za-z0-9_-]{32}$/;

/** The first token of a new family. */
export function newRefreshToken(): RefreshToken {
  return assemble(randomPart());
}

/** The token that follows another of its family. */
export function nextRefreshToken(previous: RefreshToken): RefreshToken {
  const [, family] = FORM.exec(previous.text) ?? [];
  if (family === undefined) throw new Error('not a refresh token');
  return assemble(family);
}

/** Undefined when the text has not the form of a refresh token. */
export function parseRefreshToken(text: string): RefreshToken | undefined {
  const [, family] = FORM.exec(text) ?? [];
  return family === undefined ? undefined : digests(text, family);
}

function assemble(family: string): RefreshToken {
  return digests(`wr_${family}.${randomPart()}`, family);
}

function digests(text: string, family: string): RefreshToken {
  return { text, familyDigest: hash('sha256', family, 'buffer'), tokenDigest: hash('sha256', text, 'buffer') };
}

function randomPart(): string {
  return randomBytes(PART_BYTES).toString('base64url');
}
