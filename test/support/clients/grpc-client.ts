import { type ChannelOptions, Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';

/** A method as ts-proto describes it. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export type Headers = Readonly<Record<string, string>>;

/** Long enough for a machine that is busy with other work. */
const DEADLINE_MS = 30_000;

/** A grpc-js client of one server. Close it with `close()`. */
export class GrpcClient {
  readonly #client: Client;

  constructor(port: number, host = '127.0.0.1', options: ChannelOptions = {}) {
    this.#client = new Client(`${host}:${port}`, credentials.createInsecure(), options);
  }

  /** Rejects with grpc-js' ServiceError. */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    headers: Headers = {},
  ): Promise<Response> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const { path, requestSerialize, responseDeserialize } = method;
    const options = { deadline: Date.now() + DEADLINE_MS };
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        (error, response) => {
          if (response !== undefined) resolve(response);
          else reject(error);
        },
      );
    });
  }

  /** Makes a call that must fail. Resolves with its error; rejects if the call succeeds. */
  async callAndFail<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    headers: Headers = {},
  ): Promise<ServiceError> {
    try {
      await this.call(method, request, headers);
    } catch (error) {
      return error as ServiceError; // grpc-js rejects with nothing else
    }
    throw new Error(`${method.path} was expected to fail`);
  }

  close(): void {
    this.#client.close();
  }
}
