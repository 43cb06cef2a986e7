import { readFileSync } from 'node:fs';
import type { Route, Routes } from '../serve-routes.ts';
import { createStaticFile, sendFile } from '../static-file.ts';

/** Files that scripts/setup.mjs puts into a folder. Those that end with `.gz` are sent compressed. */
const FILES = {
  '/docs': { file: 'index.html', type: 'text/html; charset=utf-8', maxAgeSeconds: 0 },
  '/docs/start.js': { file: 'start.js', type: 'text/javascript; charset=utf-8', maxAgeSeconds: 0 },
  '/docs/swagger-ui-bundle.js': {
    file: 'swagger-ui-bundle.js.gz',
    type: 'text/javascript; charset=utf-8',
    maxAgeSeconds: 86_400,
  },
  '/docs/swagger-ui.css': { file: 'swagger-ui.css.gz', type: 'text/css; charset=utf-8', maxAgeSeconds: 86_400 },
  '/openapi.yaml': { file: 'openapi.yaml', type: 'application/yaml; charset=utf-8', maxAgeSeconds: 0 },
} as const;

/** Nothing but the page's own files. Icons of the viewer's style sheet are in data URLs. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Creates the routes of the page that describes the admin API, and of the description itself, from the files in a folder. */
export function createApiDocsRoutes(folder: URL): Routes {
  const routes = Object.entries(FILES).map(([path, { file, type, maxAgeSeconds }]) => {
    const content = createStaticFile(readFileSync(new URL(file, folder)), {
      type,
      cacheControl: maxAgeSeconds === 0 ? 'no-cache' : `public, max-age=${maxAgeSeconds}`,
      encoding: file.endsWith('.gz') ? 'gzip' : undefined,
    });
    const answer: Route = (response, request) => {
      response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
      sendFile(request, response, content);
    };
    return [path, answer] as const;
  });
  return Object.fromEntries(routes);
}
