import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Envoy } from '../../demo/start-envoy.ts';
import { CounterServiceService, GetCounterRequest } from '../../src/generated/weir/admin/v1/counter_service.ts';
import { newDatabase } from '../support/databases.ts';
import { EnvoyExample } from '../support/envoy/envoy-example.ts';

const TOKENS_PER_MINUTE = 10_000;
const TOKENS_PER_MONTH = 1_000_000;
/** Tokens that a request reserves if its body has no readable max_tokens. */
const DEFAULT_MAX_TOKENS = 4_096;

let example: EnvoyExample;
let envoy: Envoy;

beforeAll(async () => {
  example = await EnvoyExample.start('token-budgets', await newDatabase());
  envoy = await example.envoy();
}, 600_000);
afterAll(() => example?.stop());

/** A client with an account and key of its own. */
class Client {
  readonly #key: string;
  readonly #account: string;

  private constructor(key: string, account: string) {
    this.#key = key;
    this.#account = account;
  }

  static async create(): Promise<Client> {
    const account = await example.newAccount();
    return new Client(await example.newKey(account), account);
  }

  /** Sends a request for an answer of at most `maxTokens`. */
  request(maxTokens: unknown, signal?: AbortSignal): Promise<Response> {
    return this.send(JSON.stringify({ model: 'm', max_tokens: maxTokens }), 'application/json', signal);
  }

  send(body: string, type: string, signal?: AbortSignal): Promise<Response> {
    return fetch(`${envoy.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'x-api-key': this.#key, 'content-type': type },
      body,
      ...(signal !== undefined && { signal }),
    });
  }

  /** Sends a request that uses `usedTokens` if it reaches the upstream. Returns the status. */
  async use(maxTokens: unknown, usedTokens: number): Promise<number> {
    const before = example.upstream.inFlight;
    const response = this.request(maxTokens);
    const arrived = example.upstream.untilInFlight(before + 1);
    const rejected = await Promise.race([response, arrived]);
    if (rejected !== undefined) return rejected.status;
    answerWith({ usage: { total_tokens: usedTokens } });
    return (await response).status;
  }

  /** Reads the remaining tokens of the minute and the month, and the free slots. */
  async remaining(): Promise<readonly number[]> {
    const remaining: number[] = [];
    for (const budget of ['tokens', 'in-flight']) {
      const entries = [
        { key: 'budget', value: budget },
        { key: 'account', value: this.#account },
      ];
      const subject = { subject: { $case: 'descriptor' as const, value: { domain: 'models', entries } } };
      const request = GetCounterRequest.fromPartial({ subject });
      const { limits } = await example.node.admin.call(
        CounterServiceService.getCounter,
        request,
        example.administrator,
      );
      remaining.push(...limits.map((limit) => Number(limit.remaining)));
    }
    return remaining;
  }

  /** Waits until exactly these tokens are charged and all slots are free. */
  async expectCharged(tokens: number): Promise<void> {
    await expect.poll(() => this.remaining()).toEqual([TOKENS_PER_MINUTE - tokens, TOKENS_PER_MONTH - tokens, 4]);
  }
}

function answerWith(body: object, status = 200): void {
  example.upstream.answer(status, { 'content-type': 'application/json' }, JSON.stringify(body));
}

describe('the example for token budgets', () => {
  it('reserves the tokens that a request may use, and settles for those that it used', async () => {
    const client = await Client.create();
    const response = client.request(2_000);
    await example.upstream.untilInFlight(1);
    expect(await client.remaining()).toEqual([TOKENS_PER_MINUTE - 2_000, TOKENS_PER_MONTH - 2_000, 3]);
    answerWith({ choices: [], usage: { total_tokens: 150 } });
    expect((await response).status).toBe(200);
    await client.expectCharged(150);
  });

  it('allows the budget to be used to the last token, and rejects what does not fit', async () => {
    const client = await Client.create();
    expect(await client.use(6_000, 5_000)).toBe(200);
    await client.expectCharged(5_000);
    expect(await client.use(5_001, 1)).toBe(429);
    expect(await client.use(5_000, 5_000)).toBe(200);
    await client.expectCharged(TOKENS_PER_MINUTE);
    expect(await client.use(1, 1)).toBe(429);
  });

  it('charges all tokens of a request that used more than it reserved, and rejects requests while in debt', async () => {
    const client = await Client.create();
    expect(await client.use(9_000, 12_000)).toBe(200);
    await expect.poll(async () => (await client.remaining())[1]).toBe(TOKENS_PER_MONTH - 12_000);
    expect(await client.use(1, 1)).toBe(429);
  });

  it('reserves a default if a request does not say how many tokens it may use', async () => {
    const client = await Client.create();
    const response = client.request(undefined);
    await example.upstream.untilInFlight(1);
    expect((await client.remaining())[0]).toBe(TOKENS_PER_MINUTE - DEFAULT_MAX_TOKENS);
    answerWith({ usage: { total_tokens: 7 } });
    await response;
    await client.expectCharged(7);
  });

  it('charges nothing for an error of the upstream', async () => {
    const client = await Client.create();
    const response = client.request(500);
    await example.upstream.untilInFlight(1);
    answerWith({ error: { message: 'overloaded' } }, 503);
    expect((await response).status).toBe(503);
    await client.expectCharged(0);
  });

  it('charges the reserved tokens if the client leaves before the answer', async () => {
    const client = await Client.create();
    const leaving = new AbortController();
    const response = client.request(800, leaving.signal);
    await example.upstream.untilInFlight(1);
    leaving.abort();
    await expect(response).rejects.toThrow();
    await client.expectCharged(800);
  });

  it('rejects a fifth concurrent request, which reserves nothing', async () => {
    const client = await Client.create();
    const responses = Array.from({ length: 4 }, () => client.request(100));
    await example.upstream.untilInFlight(4);
    expect((await client.request(100)).status).toBe(429);
    expect(await client.remaining()).toEqual([TOKENS_PER_MINUTE - 400, TOKENS_PER_MONTH - 400, 0]);
    for (let answered = 0; answered < 4; answered++) answerWith({ usage: { total_tokens: 10 } });
    await Promise.all(responses);
    await client.expectCharged(40);
  });

  it.each([-5, 0, 0.5, 1e30])(
    'rejects a max_tokens of %j, which could otherwise bypass the budget',
    async (invalid) => {
      const client = await Client.create();
      expect(await client.use(invalid, 30)).toBe(400);
      await client.expectCharged(0);
    },
  );

  it.each([null, 'many', [1], { n: 1 }])('charges the tokens used by a request with the max_tokens %j', async (odd) => {
    const client = await Client.create();
    const status = await client.use(odd, 30);
    await client.expectCharged(status === 200 ? 30 : 0);
  });

  it('charges requests whose body is not JSON', async () => {
    const client = await Client.create();
    for (const type of ['application/json', 'text/plain']) {
      const response = client.send('{"max_tokens": 1', type);
      await example.upstream.untilInFlight(1);
      const charged = DEFAULT_MAX_TOKENS + (type === 'text/plain' ? 30 : 0);
      expect((await client.remaining())[0]).toBe(TOKENS_PER_MINUTE - charged);
      answerWith({ usage: { total_tokens: 30 } });
      await response;
    }
    await client.expectCharged(60);
  });
});
