import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { sendText } from '../serve-routes.ts';
import { sendFile } from '../static-file.ts';
import { CompressedFile, chooseEncoding } from './compressed-file.ts';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};
/** Names of these files contain a hash of their content. */
const HASHED = /^\/console\/assets\//;
const INDEX = '/console/index.html';
/** Paths that name a file, or try to leave the folder. All others are pages, which index.html shows. */
const FILE_PATH = /\.|%2e|%2f|%5c/i;
const NOT_BUILT = 'the console is not built: run `node scripts/setup.mjs --build`, then start Weir again\n';

/**
 * Serves the files of a folder below /console/, and index.html for the paths of its pages. Reads them once, so that no path
 * of a request reaches the file system. A folder that does not exist has no files.
 */
export function serveConsoleFiles(folder: URL): RequestListener {
  const files = readFiles(fileURLToPath(folder));
  return (request, response) => void answer(request, response, files).catch(() => response.destroy());
}

function readFiles(folder: string): ReadonlyMap<string, CompressedFile> {
  const files = new Map<string, CompressedFile>();
  if (!existsSync(folder)) return files;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const name = `/console/${path.relative(folder, file).split(path.sep).join('/')}`;
    const settings = {
      type: MEDIA_TYPES[path.extname(file)] ?? 'application/octet-stream',
      cacheControl: HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
    };
    files.set(name, new CompressedFile(readFileSync(file), settings));
  }
  return files;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  files: ReadonlyMap<string, CompressedFile>,
): Promise<void> {
  const [pathname = '', query] = (request.url ?? '').split('?', 2);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    sendText(response, 405, 'method not allowed\n');
  } else if (pathname === '/console') {
    const location = query === undefined ? '/console/' : `/console/?${query}`;
    response.writeHead(308, { location, 'content-length': 0 }).end();
  } else if (!files.has(INDEX)) {
    sendText(response, 404, NOT_BUILT);
  } else {
    const file = files.get(FILE_PATH.test(pathname) ? pathname : INDEX);
    if (file === undefined) sendText(response, 404, 'not found\n');
    else {
      response.setHeader('vary', 'accept-encoding');
      sendFile(request, response, await file.encode(chooseEncoding(request.headers['accept-encoding'])));
    }
  }
}
