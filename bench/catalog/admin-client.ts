import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { LoginRequest, LoginResponse } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, Plan } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { ADMINISTRATOR } from '../servers/start-weir.ts';

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
  fromPartial(partial: Partial<T>): T;
}

/** Calls of the admin API by an administrator who has signed in. */
export class Administrator {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  private constructor(port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  /** Does its work with the plan `bench`, which grants nearly everything. */
  static async work<Result>(port: number, work: (administrator: Administrator) => Promise<Result>): Promise<Result> {
    const administrator = new Administrator(port);
    try {
      const login = await administrator.call('AuthService/Login', LoginRequest, LoginResponse, ADMINISTRATOR);
      administrator.#metadata.set('authorization', `Bearer ${login.accessToken}`);
      const limit = { name: 'burst', requests: 1_000_000_000, window: '1m', algorithm: '' };
      const plan = Plan.fromPartial({ displayName: 'Bench', limits: [limit] });
      await administrator.call('PlanService/CreatePlan', CreatePlanRequest, Plan, { planId: 'bench', plan });
      return await work(administrator);
    } finally {
      administrator.#client.close();
    }
  }

  call<Request, Response>(
    method: string,
    requestType: Codec<Request>,
    responseType: Codec<Response>,
    request: Partial<Request>,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest<Request, Response>(
        `/weir.admin.v1.${method}`,
        (message) => Buffer.from(requestType.encode(message).finish()),
        (bytes) => responseType.decode(bytes),
        requestType.fromPartial(request),
        this.#metadata,
        { deadline: Date.now() + 30_000 },
        (error, response) => (response === undefined ? reject(error) : resolve(response)),
      );
    });
  }
}
