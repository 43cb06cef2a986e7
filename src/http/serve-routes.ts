import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** Answers a request. Never throws and never rejects. */
export type Route = (response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

/** Answers all requests whose paths have a common beginning. */
export interface Site {
  /** Whether this site answers a request. */
  accepts(request: IncomingMessage): boolean;
  /** Answers a request. Never throws. */
  readonly answer: RequestListener;
}

/** Serves the first site that accepts a request; `answerOther` answers the requests that none accepts. */
export function serveSites(sites: readonly Site[], answerOther: RequestListener): RequestListener {
  return (request, response) => {
    const site = sites.find((candidate) => candidate.accepts(request));
    (site?.answer ?? answerOther)(request, response);
  };
}

const METHOD_NOT_ALLOWED = 'method not allowed\n';

/** Routes by path. A route by itself answers GET and HEAD. */
export type Routes = Readonly<Record<string, Route | { readonly post: Route }>>;

/**
 * Serves the routes. Answers 404 for other paths, and 405 for other methods. A route whose answers may be kept sets its own
 * `cache-control`.
 */
export function serveRoutes(routes: Routes): RequestListener {
  const byPath = new Map(Object.entries(routes));
  return (request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    const route = byPath.get(path);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-store');
    if (route === undefined) sendText(response, 404, 'not found\n');
    else if (typeof route === 'function' && isReading(request)) void route(response, request);
    else if (typeof route === 'object' && request.method === 'POST') void route.post(response, request);
    else
      sendText(response.setHeader('allow', typeof route === 'object' ? 'POST' : 'GET, HEAD'), 405, METHOD_NOT_ALLOWED);
  };
}

function isReading({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }).end(text);
}
