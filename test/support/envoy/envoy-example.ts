import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EnvoyChange } from '../../../demo/envoy-configuration.ts';
import { type Envoy, startEnvoy } from '../../../demo/start-envoy.ts';
import { createQuery, type Database, openDatabase } from '../../../src/database/open-database.ts';
import type { Headers } from '../clients/grpc-client.ts';
import { TestNode } from '../node.ts';
import { HeldUpstream } from './held-upstream.ts';

const FOLDER = fileURLToPath(new URL('../../../envoy/', import.meta.url));

/** A worked example of envoy/: a Weir with its rules, an upstream that answers on command, and Envoys. */
export class EnvoyExample {
  readonly node: TestNode;
  readonly upstream: HeldUpstream;
  readonly administrator: Headers;
  readonly #name: string;
  readonly #database: Database;
  readonly #started: AsyncDisposableStack;

  private constructor(
    name: string,
    node: TestNode,
    upstream: HeldUpstream,
    administrator: Headers,
    database: Database,
    started: AsyncDisposableStack,
  ) {
    this.#name = name;
    this.node = node;
    this.upstream = upstream;
    this.administrator = administrator;
    this.#database = database;
    this.#started = started;
  }

  /** `rewrite` changes the rules of the example, for tests that cannot wait for its windows. */
  static async start(
    name: string,
    databaseUrl: string,
    rewrite: (rules: string) => string = (rules) => rules,
  ): Promise<EnvoyExample> {
    await using started = new AsyncDisposableStack();
    const upstream = await HeldUpstream.start();
    started.defer(() => upstream.stop());
    const rules = await mkdtemp(path.join(tmpdir(), 'weir-example-'));
    for (const file of await readdir(path.join(FOLDER, name, 'rules'))) {
      const text = await readFile(path.join(FOLDER, name, 'rules', file), 'utf8');
      await writeFile(path.join(rules, file), rewrite(text));
    }
    const node = await TestNode.start({ DATABASE_URL: databaseUrl, RULES_PATH: rules });
    started.defer(() => node.stop());
    const administrator = await node.signIn();
    const database = await openDatabase({ url: databaseUrl });
    started.defer(() => database.close(true));
    return new EnvoyExample(name, node, upstream, administrator, database, started.move());
  }

  /** Starts an Envoy with the configuration of the example and the changes to it. */
  async envoy(...changes: readonly EnvoyChange[]): Promise<Envoy> {
    const weirPort = this.node.app.ports.decision ?? 0;
    const configuration = path.join(this.#name, 'envoy.yaml');
    const envoy = await startEnvoy({ weirPort, upstreamPort: this.upstream.port, configuration }, ...changes);
    this.#started.defer(() => envoy.stop());
    return envoy;
  }

  /** Creates an account and returns its id. */
  async newAccount(): Promise<string> {
    const id = randomUUID();
    await createQuery(this.#database)(
      `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
       values (?, ?, '', 'user', 'free', now(), now())`,
      [id, id],
    );
    return id;
  }

  /** Creates a key on a plan without limits and returns its secret. Without an account it is the administrator's. */
  async newKey(account?: string): Promise<string> {
    const fields = account === undefined ? {} : { account: `accounts/${account}` };
    return (await this.node.createKey(this.administrator, 'enterprise', fields)).secret;
  }

  stop(): Promise<void> {
    return this.#started.disposeAsync();
  }
}
