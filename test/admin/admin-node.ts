import { randomUUID } from 'node:crypto';
import { type ClientOptions, credentials, Metadata, makeClientConstructor, type ServiceError } from '@grpc/grpc-js';
import { expect } from 'vitest';
import type { Handlers } from '../../src/admin/methods/unary-service.ts';
import { AccountEntity } from '../../src/database/entities/account-entity.ts';
import { type Database, openDatabase } from '../../src/database/open-database.ts';
import { BadRequest, ErrorInfo } from '../../src/generated/google/rpc/error_details.ts';
import { Status } from '../../src/generated/google/rpc/status.ts';
import { hashPassword } from '../../src/identity/secrets/password.ts';
import { ADMINISTRATOR, type Environment, TestNode } from '../support/node.ts';

export const ADMIN = ADMINISTRATOR;

/** Starts a node that only administers, with its own connection to the database and the lines that it logs. */
export async function startAdminNode(url: string, environment: Environment = {}) {
  const lines: { fields: object; message: string }[] = [];
  const line = (fields: object, message: string) => {
    lines.push({ fields, message });
  };
  const log = { info: line, warn: line, error: line };
  const variables = {
    DATABASE_URL: url,
    WEIR_ROLE: 'admin',
    KEY_PEPPER: 'the pepper of the tests',
    TOKEN_KEY_ROTATION: '1h',
    REFRESH_TOKEN_SECONDS: '3600',
    ...environment,
  };
  const node = await TestNode.start(variables, log);
  const { trust, signingKeys, ports } = node.app;
  if (signingKeys === undefined) throw new Error('the node signs no tokens');
  const database = await openDatabase({ url });
  return {
    address: `127.0.0.1:${ports.admin}`,
    httpPort: ports.http,
    database,
    trust,
    port: node.port,
    signingKeys,
    lines,
    async stop() {
      await database.close(true);
      await node.stop();
    },
  };
}

/** An account of the role `user`, to be created. */
interface NewUser {
  readonly id?: string;
  readonly email: string;
  readonly password: string;
}

/** Creates an account of the role `user` in the database. */
export async function createUser(database: Database, { id = randomUUID(), email, password }: NewUser, planId = 'free') {
  const em = database.em.fork();
  em.create(AccountEntity, { id, email, passwordHash: await hashPassword(password), role: 'user', planId });
  await em.flush();
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
