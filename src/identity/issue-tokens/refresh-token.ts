import { hash, randomBytes } from 'node:crypto';

/**
 * A refresh token in the form `wr_<family>.<member>`, with two random parts. All tokens of one session share the
 * family, which only a holder of one of them can know. So a token with a known family but a member other than the
 * current one was used before.
 */
export interface RefreshToken {
  readonly text: string;
  readonly familyDigest: Buffer;
  /** Digest of the whole token. */
  readonly tokenDigest: Buffer;
}

const PART_BYTES = 24;
const REFRESH_TOKEN_FORMAT = /^wr_([A-Za-z0-9_-]{32})\.[A-Za-z0-9_-]{32}$/;

/** Generates the first token of a new family. */
export function generateRefreshToken(): RefreshToken {
  return assembleToken(generatePart());
}

/** Generates the token that replaces another one of the same family. */
export function generateNextRefreshToken(previous: RefreshToken): RefreshToken {
  const [, family] = REFRESH_TOKEN_FORMAT.exec(previous.text) ?? [];
  if (family === undefined) throw new Error('previous.text: must be a refresh token');
  return assembleToken(family);
}

/** Parses a refresh token. undefined: the text does not have the form of one. */
export function parseRefreshToken(text: string): RefreshToken | undefined {
  const [, family] = REFRESH_TOKEN_FORMAT.exec(text) ?? [];
  return family === undefined ? undefined : computeDigests(text, family);
}

function assembleToken(family: string): RefreshToken {
  return computeDigests(`wr_${family}.${generatePart()}`, family);
}

function computeDigests(text: string, family: string): RefreshToken {
  return { text, familyDigest: hash('sha256', family, 'buffer'), tokenDigest: hash('sha256', text, 'buffer') };
}

function generatePart(): string {
  return randomBytes(PART_BYTES).toString('base64url');
}
