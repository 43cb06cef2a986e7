import { createFileRegistry, fromBinary, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { DESCRIPTORS } from '../generated/descriptors.ts';
import { ExplainRequest, ExplainServiceService } from '../generated/weir/admin/v1/explain_service.ts';
import { CommandFailed } from './command-failed.ts';

const DEADLINE_MS = 10_000;

/**
 * Asks a server at its admin address (`host:port`) to explain. The encoded ExplainResponse; throws CommandFailed where
 * there is none, by the server's own words.
 */
export function askServer(server: string, accessToken: string, request: ExplainRequest): Promise<Buffer> {
  const client = new Client(server, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${accessToken}`);
  const encode = (message: ExplainRequest) => Buffer.from(ExplainRequest.encode(message).finish());
  const asIs = (bytes: Buffer) => bytes;
  const { path } = ExplainServiceService.explain;
  return new Promise<Buffer>((resolve, reject) => {
    const options = { deadline: Date.now() + DEADLINE_MS };
    client.makeUnaryRequest(path, encode, asIs, request, metadata, options, (error, response) => {
      if (response !== undefined) resolve(response);
      else reject(new CommandFailed(`${server}: ${error?.details ?? 'no answer'}`));
    });
  }).finally(() => client.close());
}

/** An encoded ExplainResponse in the JSON form of proto3. */
export function responseJson(response: Buffer): string {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64')));
  const message = registry.getMessage('weir.admin.v1.ExplainResponse');
  if (message === undefined) throw new Error('the descriptors have no ExplainResponse');
  return JSON.stringify(toJson(message, fromBinary(message, response)), undefined, 2);
}
