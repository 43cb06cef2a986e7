import { ApiKeyServiceService, CreateApiKeyRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AdminClient, BENCH_PLAN_ID } from './admin-client.ts';

const MAX_CONCURRENT_CALLS = 16;

/** Creates API keys on the plan of the bench. Returns their secrets. */
export function createApiKeys(adminPort: number, count: number): Promise<string[]> {
  return AdminClient.withBenchPlan(adminPort, async (admin) => {
    const apiKey = { displayName: 'bench', plan: `plans/${BENCH_PLAN_ID}` };
    const request = CreateApiKeyRequest.fromPartial({ apiKey });
    const secrets: string[] = [];
    let remaining = count;
    const createNext = async () => {
      while (remaining-- > 0) secrets.push((await admin.call(ApiKeyServiceService.createApiKey, request)).secret);
    };
    await Promise.all(Array.from({ length: MAX_CONCURRENT_CALLS }, createNext));
    return secrets;
  });
}
