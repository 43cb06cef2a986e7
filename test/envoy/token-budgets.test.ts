import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Envoy } from '../../demo/envoy.ts';
import { CounterServiceService, GetCounterRequest } from '../../src/generated/weir/admin/v1/counter_service.ts';
import { newDatabase } from '../support/databases.ts';
import { EnvoyExample } from '../support/envoy-example.ts';

const MINUTE = 10_000;
const MONTH = 1_000_000;

let example: EnvoyExample;
let envoy: Envoy;

beforeAll(async () => {
  example = await EnvoyExample.start('token-budgets', await newDatabase());
  envoy = await example.envoy();
}, 600_000);
afterAll(() => example?.stop());

/** A signed-in account, which asks models. */
class Client {
  readonly #key: string;
  readonly #account: string;

  private constructor(key: string, account: string) {
    this.#key = key;
    this.#account = account;
  }

  static async signUp(): Promise<Client> {
    const account = await example.newAccount();
    return new Client(await example.newKey(account), account);
  }

  /** Asks for an answer of at most so many tokens. */
  ask(maxTokens: unknown, signal?: AbortSignal): Promise<Response> {
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

  /** Asks, and is told by the upstream that it took so many. */
  async use(maxTokens: unknown, taken: number): Promise<number> {
    const before = example.upstream.inFlight;
    const asked = this.ask(maxTokens);
    const arrived = example.upstream.untilInFlight(before + 1);
    const refused = await Promise.race([asked, arrived]);
    if (refused !== undefined) return refused.status;
    answerWith({ usage: { total_tokens: taken } });
    return (await asked).status;
  }

  /** Tokens that are left of both budgets, and slots. */
  async left(): Promise<readonly number[]> {
    const left: number[] = [];
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
      left.push(...limits.map(({ remaining }) => Number(remaining)));
    }
    return left;
  }

  async expectTaken(tokens: number): Promise<void> {
    await expect.poll(() => this.left()).toEqual([MINUTE - tokens, MONTH - tokens, 4]);
  }
}

function answerWith(body: object, status = 200): void {
  example.upstream.answer(status, { 'content-type': 'application/json' }, JSON.stringify(body));
}

test('what a request may take is reserved, and settled for what it took', async () => {
  const client = await Client.signUp();
  const asked = client.ask(2_000);
  await example.upstream.untilInFlight(1);
  expect(await client.left()).toEqual([MINUTE - 2_000, MONTH - 2_000, 3]);
  answerWith({ choices: [], usage: { total_tokens: 150 } });
  expect((await asked).status).toBe(200);
  await client.expectTaken(150);
});

test('the budget is exact: what is left can be used to the last token, and what does not fit is refused', async () => {
  const client = await Client.signUp();
  expect(await client.use(6_000, 5_000)).toBe(200);
  await client.expectTaken(5_000);
  expect(await client.use(5_001, 1)).toBe(429);
  expect(await client.use(5_000, 5_000)).toBe(200);
  await client.expectTaken(MINUTE);
  expect(await client.use(1, 1)).toBe(429);
});

test('what took more than was reserved is charged whole, and refuses until the debt has run out', async () => {
  const client = await Client.signUp();
  expect(await client.use(9_000, 12_000)).toBe(200);
  await expect.poll(async () => (await client.left())[1]).toBe(MONTH - 12_000);
  expect(await client.use(1, 1)).toBe(429);
});

test('who does not say what a request may take reserves the default', async () => {
  const client = await Client.signUp();
  const asked = client.ask(undefined);
  await example.upstream.untilInFlight(1);
  expect((await client.left())[0]).toBe(MINUTE - 4_096);
  answerWith({ usage: { total_tokens: 7 } });
  await asked;
  await client.expectTaken(7);
});

test('an error of the upstream costs nothing', async () => {
  const client = await Client.signUp();
  const asked = client.ask(500);
  await example.upstream.untilInFlight(1);
  answerWith({ error: { message: 'overloaded' } }, 503);
  expect((await asked).status).toBe(503);
  await client.expectTaken(0);
});

test('who leaves before the answer has taken what was reserved', async () => {
  const client = await Client.signUp();
  const leaving = new AbortController();
  const left = client.ask(800, leaving.signal);
  await example.upstream.untilInFlight(1);
  leaving.abort();
  await expect(left).rejects.toThrow();
  await client.expectTaken(800);
});

test('a fifth request at a time is refused, and reserves nothing', async () => {
  const client = await Client.signUp();
  const asked = Array.from({ length: 4 }, () => client.ask(100));
  await example.upstream.untilInFlight(4);
  expect((await client.ask(100)).status).toBe(429);
  expect(await client.left()).toEqual([MINUTE - 400, MONTH - 400, 0]);
  for (let answered = 0; answered < 4; answered++) answerWith({ usage: { total_tokens: 10 } });
  await Promise.all(asked);
  await client.expectTaken(40);
});

test.each([-5, 0, 0.5, 1e30])('a max_tokens of %j is refused, and does not slip past the budget', async (odd) => {
  const client = await Client.signUp();
  expect(await client.use(odd, 30)).toBe(400);
  await client.expectTaken(0);
});

test.each([null, 'many', [1], { n: 1 }])('with a max_tokens of %j it is settled for what it took', async (odd) => {
  const client = await Client.signUp();
  const status = await client.use(odd, 30);
  await client.expectTaken(status === 200 ? 30 : 0);
});

test('a body that is no JSON does not slip past the budget', async () => {
  const client = await Client.signUp();
  for (const type of ['application/json', 'text/plain']) {
    const asked = client.send('{"max_tokens": 1', type);
    await example.upstream.untilInFlight(1);
    expect((await client.left())[0]).toBe(type === 'text/plain' ? MINUTE - 4_096 - 30 : MINUTE - 4_096);
    answerWith({ usage: { total_tokens: 30 } });
    await asked;
  }
  await client.expectTaken(60);
});
