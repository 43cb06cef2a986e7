// Downloads the schemas that the projects publish, from the Go module proxy. Keeps them in the cache folder.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { unzipSync } from 'fflate';
import { root } from '../../toolchain.mjs';

/** A module that cannot be downloaded, although nothing says that it is wrong. */
export class DownloadFailed extends Error {}

const PROXY = 'https://proxy.golang.org';
const TIMEOUT_MS = 120_000;
const ATTEMPTS = 3;
const cacheFolder = path.join(root, '.cache', 'deploy-schemas');

/**
 * Returns the texts of a source, by their path in the module. `files` is the beginning of their paths. Rejects if the
 * module cannot be downloaded, or is another than the digest says.
 */
export async function readSource({ module, version, sha256, files }) {
  const cached = path.join(cacheFolder, `${createHash('sha256').update(`${sha256} ${files}`).digest('hex')}.json`);
  if (!existsSync(cached)) {
    const texts = extract(await downloadModule(module, version, sha256), `${module}@${version}/`, files);
    mkdirSync(cacheFolder, { recursive: true });
    writeFileSync(`${cached}.new`, JSON.stringify(texts));
    renameSync(`${cached}.new`, cached);
  }
  return JSON.parse(readFileSync(cached, 'utf8'));
}

/** By module: several sources may be in one. */
const downloads = new Map();

function downloadModule(module, version, sha256) {
  const key = `${module}@${version}`;
  if (!downloads.has(key)) downloads.set(key, downloadVerified(`${PROXY}/${module}/@v/${version}.zip`, sha256));
  return downloads.get(key);
}

async function downloadVerified(url, sha256) {
  const bytes = await download(url, ATTEMPTS);
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest !== sha256) throw new Error(`${url}: must have the SHA-256 digest ${sha256} (got ${digest})`);
  return bytes;
}

async function download(url, attempts) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (attempts > 1) return download(url, attempts - 1);
    throw new DownloadFailed(`${url}: ${error.cause?.message ?? error.message}`, { cause: error });
  }
}

function extract(zip, folder, files) {
  const entries = unzipSync(zip, { filter: ({ name }) => name.startsWith(folder + files) && !name.endsWith('/') });
  const texts = {};
  for (const [name, bytes] of Object.entries(entries)) texts[name.slice(folder.length)] = Buffer.from(bytes).toString();
  if (Object.keys(texts).length === 0) throw new Error(`${folder}: has no ${files}`);
  return texts;
}
