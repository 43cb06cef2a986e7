import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Certificates } from '../../../provision/certificates.ts';
import { createQuery, type Database, openDatabase } from '../../../src/database/open-database.ts';
import { createSealer, type SealedKeyName } from '../../../src/identity/issue-tokens/key-sealer.ts';

/** A key that signs tokens. Their headers name its id. */
export interface TokenKey {
  readonly id: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function makeTokenKey(algorithm: string, id: string = crypto.randomUUID()): Promise<TokenKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid: id, alg: algorithm, use: 'sig' };
  return { id, algorithm, privateKey, publicJwk };
}

/** Signs a token for the audience `api`, valid for an hour. Leaves out undefined members of `claims` and `header`. */
export async function signToken(
  { id, algorithm, privateKey }: TokenKey,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const jti = crypto.randomUUID();
  const signing = new SignJWT({ aud: 'api', sub: 'ann', jti, exp, ...claims });
  return signing.setProtectedHeader({ alg: algorithm, kid: id, ...header }).sign(privateKey);
}

/** How long a provider with the fault `slow` takes to answer. */
const SLOW_MS = 400;

/** An HTTP server that publishes keys like an identity provider: at `/jwks`, which OIDC discovery finds. */
export class IdentityProvider {
  keys: readonly JWK[] = [];
  /** How it misbehaves. */
  fault: 'none' | 'error' | 'silent' | 'slow' | 'redirect' | 'endless' = 'none';
  /** The issuer that its discovery document names. Undefined: its own. */
  claimedIssuer: string | undefined;
  /** Where discovery says that the keys are; undefined: at `jwksUri`. */
  claimedJwksUri: string | undefined;
  requests = 0;
  /** The header `host` of the last request. */
  lastHost: string | undefined;
  readonly #server: ReturnType<typeof createServer>;
  readonly #scheme: string;

  private constructor(certificates: Certificates | undefined) {
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response);
    this.#scheme = certificates === undefined ? 'http' : 'https';
    this.#server =
      certificates === undefined
        ? createServer(answer)
        : createSecureServer(
            { cert: readFileSync(certificates.certFile), key: readFileSync(certificates.keyFile) },
            answer,
          );
  }

  static async start(certificates?: Certificates): Promise<IdentityProvider> {
    const provider = new IdentityProvider(certificates);
    provider.#server.listen(0, '127.0.0.1');
    await once(provider.#server, 'listening');
    return provider;
  }

  /** Its `iss`. */
  get issuer(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get jwksUri(): string {
    return `${this.issuer}/jwks`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer({ url, headers }: IncomingMessage, response: ServerResponse): void {
    this.requests++;
    this.lastHost = headers.host;
    if (this.fault === 'silent') return;
    if (this.fault === 'slow') setTimeout(() => this.#publish(url, response), SLOW_MS);
    else this.#answerNow(url, response);
  }

  #answerNow(url: string | undefined, response: ServerResponse): void {
    if (this.fault === 'error') response.writeHead(500).end('{}');
    else if (this.fault === 'redirect') response.writeHead(302, { location: '/elsewhere' }).end();
    else if (this.fault === 'endless') flood(response);
    else this.#publish(url, response);
  }

  #publish(url: string | undefined, response: ServerResponse): void {
    if (url === '/.well-known/openid-configuration') {
      const jwksUri = this.claimedJwksUri ?? this.jwksUri;
      response.end(JSON.stringify({ issuer: this.claimedIssuer ?? this.issuer, jwks_uri: jwksUri }));
    } else response.end(JSON.stringify({ keys: this.keys }));
  }
}

function flood(response: ServerResponse): void {
  response.once('drain', () => flood(response));
  while (!response.destroyed && response.write(' '.repeat(65_536)));
}

/** Columns of the table `issuer` that differ from the defaults. */
export interface IssuerColumns {
  readonly issuerAliases?: readonly string[];
  readonly audienceClaim?: string;
  readonly requiredClaims?: Readonly<Record<string, string>>;
  readonly algorithms?: readonly string[];
  readonly jwks?: { readonly keys: readonly JWK[] };
  readonly jwksUri?: string;
  readonly insecureHttp?: boolean;
  readonly claims?: object;
  readonly defaultPlanId?: string | null;
  readonly catalogAccounts?: boolean;
}

/** Writes issuers to the database as the admin API does. */
export class IssuerTable {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  static async open(url: string): Promise<IssuerTable> {
    return new IssuerTable(await openDatabase({ url }));
  }

  /** Adds an issuer. Without other columns its accounts are on the plan `free`. */
  async add(id: string, issuer: string, columns: IssuerColumns): Promise<void> {
    const { algorithms = ['EdDSA'], jwks, jwksUri, claims = {}, defaultPlanId = 'free' } = columns;
    await this.run(
      `insert into issuer (id, display_name, issuer, audiences, algorithms, jwks, jwks_uri, claims, default_plan_id,
         catalog_accounts, issuer_aliases, audience_claim, required_claims,
         insecure_http, create_time, update_time)
       values (?, '', ?, '["api"]', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, now(), now())`,
      id,
      issuer,
      JSON.stringify(algorithms),
      jwks === undefined ? null : JSON.stringify(jwks),
      jwksUri ?? null,
      JSON.stringify(claims),
      defaultPlanId,
      columns.catalogAccounts ?? false,
      JSON.stringify(columns.issuerAliases ?? []),
      columns.audienceClaim ?? 'aud',
      JSON.stringify(columns.requiredClaims ?? {}),
      columns.insecureHttp ?? false,
    );
  }

  /** Adds a signing key of Weir that is trusted but never starts to sign. */
  async addSigningKey(secret: string, name: SealedKeyName, key: object, publicJwk?: object): Promise<void> {
    await this.run(
      `insert into signing_key (id, algorithm, public_jwk, sealed_jwk, activate_time, create_time)
       values (?, ?, ?, ?, '2100-01-01', now())`,
      name.id,
      name.algorithm,
      publicJwk === undefined ? null : JSON.stringify(publicJwk),
      createSealer(secret).seal(name, { kty: 'replaced by the key', ...key }),
    );
  }

  async run(sql: string, ...parameters: readonly unknown[]): Promise<void> {
    await createQuery(this.#database)(sql, parameters);
  }

  close(): Promise<void> {
    return this.#database.close(true);
  }
}
