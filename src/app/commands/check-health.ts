import { readFile } from 'node:fs/promises';
import { type ChannelCredentials, Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { CommandFailed } from '../../commands/command-failed.ts';
import type { Address, Config } from '../../config/config.ts';
import type { TlsSettings } from '../../config/sections/tls-config.ts';
import {
  HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../generated/grpc/health/v1/health.ts';

/** Less than the timeout of a probe, so that the message is printed. */
const DEADLINE_MS = 1_500;

/**
 * `weir health`: asks the node of this environment for its health over gRPC: the data plane, or the admin plane of a node
 * that has no data plane. Returns the text to print. Throws CommandFailed unless the node is serving.
 */
export async function checkHealth({ role, decisionAddress, adminAddress, tls }: Config): Promise<string> {
  const isAdmin = role === 'admin';
  const target = formatTarget(isAdmin ? adminAddress : decisionAddress);
  const status = await askHealth(target, await readCredentials(isAdmin ? tls.admin : tls.decision));
  if (status !== ServingStatus.SERVING) throw new CommandFailed(`${target}: not serving`);
  return `${target}: serving\n`;
}

/** An address that listens on all interfaces is reached through the loopback one. */
function formatTarget({ host, port }: Address): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host.replace(/^::$/, '::1');
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** With a client CA, the node presents its own certificate, which it accepts if that authority signed it. */
async function readCredentials(tls: TlsSettings | undefined): Promise<ChannelCredentials> {
  if (tls === undefined) return credentials.createInsecure();
  const [key, cert] = await Promise.all([readFile(tls.keyFile), readFile(tls.certFile)]);
  // The certificate names what clients call, not this address. The call stays on this machine and has no secret.
  return credentials.createSsl(null, key, cert, { rejectUnauthorized: false });
}

function askHealth(target: string, channelCredentials: ChannelCredentials): Promise<ServingStatus> {
  // TLS has no server names that are addresses.
  const client = new Client(target, channelCredentials, { 'grpc.ssl_target_name_override': 'localhost' });
  const { path, requestSerialize, responseDeserialize } = HealthService.check;
  return new Promise<ServingStatus>((resolve, reject) => {
    const options = { deadline: Date.now() + DEADLINE_MS };
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { service: '' },
      options,
      (error, response) => {
        if (response !== undefined) resolve(response.status);
        else reject(new CommandFailed(`${target}: ${describeFailure(error)}`));
      },
    );
  }).finally(() => client.close());
}

/** grpc-js ends its message with a note about name resolution, which is empty for an address. */
function describeFailure(error: ServiceError | null): string {
  return error?.details.replace(/ Resolution note: $/, '') ?? 'no answer';
}
