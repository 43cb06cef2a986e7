import type { IncomingMessage, ServerResponse } from 'node:http';
import { RefusedRequest } from '../refused-request.ts';
import { requireMediaType, requirePost } from '../request-form.ts';
import type { Site } from '../serve-routes.ts';
import { type ApiGate, abortOnClose, sendAnswer } from './api-gate.ts';
import { type AllowedOrigins, applyCors } from './cors.ts';

const MEDIA_TYPES = ['application/json', 'application/proto', 'application/grpc-web', 'application/grpc-web+proto'];

/** Serves the methods of the admin API by POST to `/package.Service/Method`. */
export class ApiEndpoint implements Site {
  readonly #prefix: string;
  readonly #allowedOrigins: AllowedOrigins;
  readonly #gate: ApiGate;

  /** `prefix` is what the paths of all methods begin with. */
  constructor(prefix: string, allowedOrigins: AllowedOrigins, gate: ApiGate) {
    this.#prefix = prefix;
    this.#allowedOrigins = allowedOrigins;
    this.#gate = gate;
  }

  accepts({ url }: IncomingMessage): boolean {
    return url?.startsWith(this.#prefix) === true;
  }

  /** Answers a request. Never throws. */
  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    if (applyCors(request, response, this.#allowedOrigins)) return;
    this.#gate.serve(request, response, () => this.#serve(request, response));
  };

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const mediaType = checkRequest(request);
    const body = await this.#gate.readBody(request, path);
    const call = {
      path,
      headers: toHeaders(request, mediaType),
      peer: request.socket.remoteAddress ?? '',
      readHeader: (name: string) => request.headersDistinct[name] ?? [],
      body,
      signal: abortOnClose(response),
    };
    await this.#gate.answer(call, (answer) => sendAnswer(response, answer));
  }
}

/** Throws RefusedRequest for a request that is not a method call. Returns its media type. */
function checkRequest({ method, headers }: IncomingMessage): string {
  requirePost(method);
  const encoding = headers['content-encoding'] ?? headers['grpc-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    throw new RefusedRequest(415, 'unsupported_media_type', 'content-encoding: must be identity; compress nothing');
  }
  return requireMediaType(headers, MEDIA_TYPES);
}

/** Node.js keeps the first of some headers and joins the values of others. The content type comes without its parameters. */
function toHeaders({ headersDistinct }: IncomingMessage, mediaType: string): Headers {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    for (const value of values) headers.append(name, value);
  }
  headers.set('content-type', mediaType);
  return headers;
}
