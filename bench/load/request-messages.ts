import { CheckRequest } from '../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { RateLimitRequest } from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import type { LoadRequests } from './load-job.ts';

/** Creates the request messages of a load, in the order in which both generators send them. */
export function createRequestMessages(requests: LoadRequests): (RateLimitRequest | CheckRequest)[] {
  if (requests.kind === 'check') {
    const isToken = requests.credential === 'token';
    return requests.secrets.map((secret) =>
      createCheckRequest(isToken ? { authorization: `Bearer ${secret}` } : { 'x-api-key': secret }),
    );
  }
  const { domain, key, values } = requests;
  return Array.from({ length: values }, (_, index) =>
    RateLimitRequest.fromPartial({ domain, descriptors: [{ entries: [{ key, value: `acme-${index}` }] }] }),
  );
}

export function encodeRequestMessages(requests: LoadRequests): Uint8Array[] {
  const encode = (message: RateLimitRequest | CheckRequest) =>
    'domain' in message ? RateLimitRequest.encode(message) : CheckRequest.encode(message);
  return createRequestMessages(requests).map((message) => encode(message).finish());
}

/** Creates the message that Envoy sends for a small GET of an HTTP/1.1 client. */
function createCheckRequest(credential: Readonly<Record<string, string>>): CheckRequest {
  const peer = (portValue: number) => ({
    address: {
      address: {
        $case: 'socketAddress' as const,
        value: { address: '127.0.0.1', portSpecifier: { $case: 'portValue' as const, value: portValue } },
      },
    },
  });
  const headers = {
    ':authority': 'api.example.com',
    ':path': '/v1/orders',
    ':method': 'GET',
    ':scheme': 'http',
    'user-agent': 'curl/8.5.0',
    accept: '*/*',
    'x-forwarded-proto': 'http',
    'x-request-id': '5b0f1f9e-7f0c-4a43-9d3e-2f6f8a1c9b70',
    ...credential,
  };
  const http = {
    id: '8120943',
    method: 'GET',
    headers,
    path: '/v1/orders',
    host: 'api.example.com',
    scheme: 'http',
    protocol: 'HTTP/1.1',
  };
  return CheckRequest.fromPartial({
    attributes: { source: peer(50_000), destination: peer(10_000), request: { http } },
  });
}
