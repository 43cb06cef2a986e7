import { createFileRegistry, fromBinary, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { DESCRIPTORS } from '../generated/descriptors.ts';
import { RateLimitRequest } from '../generated/envoy/service/ratelimit/v3/rls.ts';
import { ExplainRequest, ExplainResponse, ExplainServiceService } from '../generated/weir/admin/v1/explain_service.ts';
import { CommandFailed } from './command-failed.ts';
import { responseLines } from './format-response.ts';
import type { DescriptorQuestion } from './parse-descriptor.ts';

const DEADLINE_MS = 10_000;
const HTTPS = 'https://';

export type ServerQuestion = DescriptorQuestion | { readonly apiKey: string };

interface ServerExplanation {
  /** The admin plane: `host:port`, or `https://host:port` where it speaks TLS. */
  readonly server: string;
  /** An administrator's. */
  readonly accessToken: string | undefined;
  readonly question: ServerQuestion;
  readonly isJson: boolean;
}

/**
 * `weir explain --server [https://]HOST:PORT …`: asks a running server, which also knows the counters and the answer. Returns the text
 * to print. Throws CommandFailed.
 */
export async function explainByServer({ server, accessToken, question, isJson }: ServerExplanation): Promise<string> {
  if (accessToken === undefined) {
    throw new CommandFailed("WEIR_ACCESS_TOKEN: must be set to an administrator's access token (AuthService/Login)");
  }
  const response = await callExplain(server, accessToken, toRequest(question));
  const text = isJson ? responseJson(response) : responseLines(ExplainResponse.decode(response)).join('\n');
  return `${text}\n`;
}

function toRequest(question: ServerQuestion): ExplainRequest {
  if ('apiKey' in question) return { question: { $case: 'apiKey', value: question.apiKey } };
  const descriptors = question.descriptors.map((entries) => ({ entries: [...entries] }));
  const value = RateLimitRequest.fromPartial({ domain: question.domain, descriptors });
  return { question: { $case: 'rateLimit', value } };
}

/** The encoded ExplainResponse. Throws CommandFailed with the server's own message if there is none. */
function callExplain(server: string, accessToken: string, request: ExplainRequest): Promise<Buffer> {
  const isTls = server.startsWith(HTTPS);
  const target = isTls ? server.slice(HTTPS.length) : server;
  const client = new Client(target, isTls ? credentials.createSsl() : credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${accessToken}`);
  const encode = (message: ExplainRequest) => Buffer.from(ExplainRequest.encode(message).finish());
  const keepBytes = (bytes: Buffer) => bytes;
  const { path } = ExplainServiceService.explain;
  return new Promise<Buffer>((resolve, reject) => {
    const options = { deadline: Date.now() + DEADLINE_MS };
    client.makeUnaryRequest(path, encode, keepBytes, request, metadata, options, (error, response) => {
      if (response !== undefined) resolve(response);
      else reject(new CommandFailed(`${server}: ${error?.details ?? 'no answer'}`));
    });
  }).finally(() => client.close());
}

/** Converts an encoded ExplainResponse to the JSON form of proto3. */
function responseJson(response: Buffer): string {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64')));
  const message = registry.getMessage('weir.admin.v1.ExplainResponse');
  if (message === undefined) throw new Error('the descriptors have no ExplainResponse');
  return JSON.stringify(toJson(message, fromBinary(message, response)), undefined, 2);
}
