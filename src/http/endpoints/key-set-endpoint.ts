import type { ServerResponse } from 'node:http';
import { type Routes, sendText } from '../serve-routes.ts';

/**
 * In seconds: half the time between the publication of a key and its first signature. A client that caches the set meets
 * no unknown key.
 */
const MAX_AGE_SECONDS = 60;

/** Serves `/.well-known/jwks.json` (RFC 7517): the public keys of Weir's own tokens. */
export class KeySetEndpoint {
  #readKeySet: (() => object) | undefined;

  get routes(): Routes {
    return { '/.well-known/jwks.json': (response) => this.#send(response) };
  }

  /** Starts to answer with the result of `readKeySet`. Until then the path answers 503. */
  serve(readKeySet: () => object): void {
    this.#readKeySet = readKeySet;
  }

  #send(response: ServerResponse): void {
    if (this.#readKeySet === undefined) {
      sendText(response, 503, 'not ready: the catalog is being read\n');
      return;
    }
    response.setHeader('cache-control', `public, max-age=${MAX_AGE_SECONDS}`);
    sendText(response, 200, JSON.stringify(this.#readKeySet()), 'application/jwk-set+json');
  }
}
