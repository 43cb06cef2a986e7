import { CreateApiKeyRequest, CreateApiKeyResponse } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { Administrator } from './admin-client.ts';

/** Calls of the admin API outstanding at a time. */
const CONCURRENCY = 16;

/** Creates keys on a plan that grants nearly everything; returns their secrets. */
export function createApiKeys(adminPort: number, count: number): Promise<string[]> {
  return Administrator.work(adminPort, async (administrator) => {
    const secrets: string[] = [];
    let left = count;
    const worker = async () => {
      while (left-- > 0) {
        const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'bench', plan: 'plans/bench' } });
        const path = 'ApiKeyService/CreateApiKey';
        secrets.push((await administrator.call(path, CreateApiKeyRequest, CreateApiKeyResponse, request)).secret);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    return secrets;
  });
}
