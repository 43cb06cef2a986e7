import { deepEqual } from 'node:assert/strict';
import type { Administrator } from '../admin-client.ts';
import type { Answer, Question } from '../http-clients.ts';
import type { Received } from '../upstream.ts';

/** One promise of the service, shown from the client's side of Envoy. Each makes its own keys, so the order is free. */
export interface Check {
  readonly name: string;
  /** Rejects with an AssertionError that holds what was expected and what came. */
  readonly run: (scene: Scene) => Promise<void>;
}

export interface Scene {
  readonly administrator: Administrator;
  /** Asks Envoy. */
  readonly ask: (question: Question) => Promise<Answer>;
}

/** Paths by what envoy/envoy.yaml does with them. */
export const ONE_FILTER = '/orders';
export const BOTH_FILTERS = '/both/orders';
export const NO_FILTER = '/healthz';

export function withKey(path: string, { secret }: { readonly secret: string }): Question {
  return { path, headers: [['x-api-key', secret]] };
}

/** Asks one after the other. */
export async function askTimes(times: number, ask: Scene['ask'], question: Question): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let time = 0; time < times; time++) answers.push(await ask(question));
  return answers;
}

/** What the upstream was asked. */
export function received({ status, body }: Answer): Received {
  deepEqual(status, 200);
  return JSON.parse(body); // nothing else answers 200 here
}

/** Holds the answer against Weir's form of a refusal. */
export function expectRefusal(answer: Answer | undefined, status: number, code: string): void {
  deepEqual(
    { status: answer?.status, contentType: answer?.headers['content-type'] },
    { status, contentType: 'application/json' },
  );
  const { error } = JSON.parse(answer?.body ?? '');
  deepEqual(
    { code: error.code, message: typeof error.message, requestId: typeof error.request_id },
    { code, message: 'string', requestId: 'string' },
  );
}
