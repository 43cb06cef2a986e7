import { Client, credentials, Metadata, type MethodDefinition } from '@grpc/grpc-js';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, Plan, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { ADMINISTRATOR } from '../servers/start-weir.ts';

const CALL_TIMEOUT_MS = 30_000;

/** A plan with a limit so high that it grants every request. */
export const BENCH_PLAN_ID = 'bench';
const BENCH_PLAN_LIMIT = { name: 'burst', requests: 1_000_000_000, window: '1m' };

/** Calls the admin API of a Weir as its administrator. */
export class AdminClient {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  private constructor(port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  /** Signs in, creates the plan of the bench and runs `work`. Closes the connection afterwards. */
  static async withBenchPlan<Result>(port: number, work: (admin: AdminClient) => Promise<Result>): Promise<Result> {
    const admin = new AdminClient(port);
    try {
      const { accessToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
      admin.#metadata.set('authorization', `Bearer ${accessToken}`);
      const plan = Plan.fromPartial({ displayName: 'Bench', limits: [BENCH_PLAN_LIMIT] });
      const request = CreatePlanRequest.fromPartial({ planId: BENCH_PLAN_ID, plan });
      await admin.call(PlanServiceService.createPlan, request);
      return await work(admin);
    } finally {
      admin.#client.close();
    }
  }

  call<Request, Response>(method: MethodDefinition<Request, Response>, request: Request): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        this.#metadata,
        { deadline: Date.now() + CALL_TIMEOUT_MS },
        (error, response) => (response === undefined ? reject(error) : resolve(response)),
      );
    });
  }
}
