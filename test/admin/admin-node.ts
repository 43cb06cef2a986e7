import { type ClientOptions, credentials, Metadata, makeClientConstructor, type ServiceError } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { createAdminServices } from '../../src/admin/admin-services.ts';
import { startAdminServer } from '../../src/admin/server/admin-server.ts';
import type { Handlers } from '../../src/admin/shared/unary-service.ts';
import { type SigningKeyRingOptions, startSigningKeyRing } from '../../src/admin/signing-keys/signing-key-ring.ts';
import { startCatalogReplica } from '../../src/catalog/feed/replica.ts';
import { MemoryStore } from '../../src/counters/memory/memory-store.ts';
import { DECISION_PATHS } from '../../src/data-plane/decision-methods.ts';
import { createExplainer } from '../../src/data-plane/explainer.ts';
import { HEALTH_NAMES } from '../../src/data-plane/health.ts';
import { migrate } from '../../src/database/migrate.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';
import { seed } from '../../src/database/seed.ts';
import { createCallLimit } from '../../src/decide/admin/call-limit.ts';
import { createCounterAccess } from '../../src/decide/admin/counter-access.ts';
import { EMPTY_RULE_BOOK } from '../../src/domain/rules/rule-book.ts';
import { BadRequest, ErrorInfo } from '../../src/generated/google/rpc/error_details.ts';
import { Status } from '../../src/generated/google/rpc/status.ts';
import { createSealer } from '../../src/identity/issue-tokens/key-sealer.ts';
import { createApiKeyDigester } from '../../src/identity/secrets/api-key-secret.ts';
import { hashPassword } from '../../src/identity/secrets/password.ts';
import { CachingTokenVerifier } from '../../src/identity/verify-tokens/caching-token-verifier.ts';
import type { BatchHandler } from '../../src/transport/unary-call.ts';

export const ADMIN = { email: 'admin@example.com', password: 'correct horse battery staple' };

/** Replies with the request, which shows that messages pass in both directions. */
const echo: BatchHandler = (calls) => {
  for (const call of calls) call.reply(call.message);
};

/** The signing key secret of all nodes that share a database. */
export const SECRET = 'a signing key secret of the tests';

/** Starts an admin node on a database, without test doubles except for the data plane. */
export async function startAdminNode(url: string, signing: Partial<SigningKeyRingOptions> = {}) {
  const lines: { fields: object; message: string }[] = [];
  const line = (fields: object, message: string) => {
    lines.push({ fields, message });
  };
  const log = { info: line, warn: line, error: line };
  const database = await openDatabase({ url });
  await migrate(database);
  await seed(database, { admin: ADMIN, hashPassword });
  const digest = createApiKeyDigester('pepper');
  const sealer = createSealer(SECRET);
  const lifetimes = { rotationSeconds: 3600, accessTokenSeconds: 900 };
  const signingKeys = await startSigningKeyRing({
    database,
    sealer,
    algorithm: 'EdDSA',
    ...lifetimes,
    log,
    ...signing,
  });
  const catalog = await startCatalogReplica({ query: createQuery(database), digest, log });
  const verifier = new CachingTokenVerifier({
    trustSource: catalog,
    openKey: (key) => (key.sealedJwk === undefined ? undefined : sealer.open(key, key.sealedJwk)),
    log,
    onRejected: () => {},
  });
  const store = new MemoryStore({ now: () => Date.now() * 1000, maxCounters: 1000, source: 'memory' });
  const counters = createCounterAccess(store, { book: EMPTY_RULE_BOOK }, catalog);
  const rules = { book: EMPTY_RULE_BOOK };
  const knowledge = {
    catalog,
    tokens: verifier,
    rules,
    requests: {},
  };
  const explain = createExplainer({ ...knowledge, counters });
  const services = createAdminServices({
    database,
    catalog,
    counters,
    calls: createCallLimit(store),
    explain,
    verifier,
    signingKeys,
    accessTokenSeconds: 900,
    refreshTokenSeconds: 3600,
    digest,
  });
  const server = await startAdminServer({
    address: '127.0.0.1:0',
    services,
    dataPlane: { paths: DECISION_PATHS, handler: echo, healthNames: HEALTH_NAMES },
    log,
  });
  return {
    address: server.address,
    database,
    catalog,
    signingKeys,
    lines,
    async stop() {
      await server.stop();
      await verifier.close();
      await catalog.stop();
      await signingKeys.stop();
      await database.close(true);
    },
  };
}

/** The error of a failed call. */
export class CallError extends Error {
  readonly code: number;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  /** The fields of the BadRequest. */
  readonly fields: readonly string[];
  /** Type names of all details. */
  readonly details: readonly string[];

  constructor({ code, details, metadata }: ServiceError) {
    super(details);
    this.code = code;
    const [bytes] = metadata.get('grpc-status-details-bin');
    const status = Status.decode(Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0));
    const find = (type: string) => status.details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/${type}`);
    const info = find('google.rpc.ErrorInfo');
    const badRequest = find('google.rpc.BadRequest');
    const { reason, domain } = info === undefined ? {} : ErrorInfo.decode(info.value);
    this.reason = reason;
    this.domain = domain;
    this.fields =
      badRequest === undefined ? [] : BadRequest.decode(badRequest.value).fieldViolations.map((v) => v.field);
    this.details = status.details.map(({ typeUrl }) => typeUrl.replace('type.googleapis.com/', ''));
  }
}

/** Returns the error of a call. Fails the test if the call succeeds. */
export function expectFailure(call: Promise<unknown>): Promise<CallError> {
  return call.then(
    () => expect.fail('the call succeeded'),
    (error: CallError) => error,
  );
}

type PartialRequest<T> = T extends object ? { [K in keyof T]?: T[K] | PartialRequest<T[K]> } : T;

/** A client whose methods return promises. Requests can leave fields out, as in JSON. */
export type Client<Service> = {
  [Method in keyof Handlers<Service>]: (
    request: PartialRequest<Parameters<Handlers<Service>[Method]>[0]>,
    headers?: Record<string, string>,
  ) => ReturnType<Handlers<Service>[Method]>;
};

interface AnyMethod {
  readonly path: string;
  requestDeserialize(bytes: Buffer): object;
  requestSerialize(request: object): Buffer;
  responseDeserialize(bytes: Buffer): unknown;
}

export function createClient<Service extends object>(service: Service, address: string, options: ClientOptions = {}) {
  const Constructor = makeClientConstructor({}, 'client');
  const client = new Constructor(address, credentials.createInsecure(), options);
  const methods = Object.entries(service as Record<string, AnyMethod>).map(([name, method]) => {
    const empty = method.requestDeserialize(Buffer.alloc(0));
    const call = (request: object, headers: Record<string, string> = {}) =>
      new Promise((resolve, reject) => {
        const metadata = new Metadata();
        for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
        client.makeUnaryRequest(
          method.path,
          () => method.requestSerialize({ ...empty, ...request }),
          method.responseDeserialize,
          {},
          metadata,
          (error, response) => (error ? reject(new CallError(error)) : resolve(response)),
        );
      });
    return [name, call];
  });
  // Sound: each method comes from the definition from which the type is derived.
  return { ...(Object.fromEntries(methods) as Client<Service>), close: () => client.close() };
}
