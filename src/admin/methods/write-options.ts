import { createHash } from 'node:crypto';
import { runInTransaction } from '../../database/call-transaction.ts';
import type { Database } from '../../database/open-database.ts';
import { invalidArgument } from '../../domain/api-error.ts';
import type { Authenticate } from '../callers/caller.ts';
import { answerOnce } from './answered-requests.ts';
import { withoutGenerated, withoutSecrets } from './hidden-fields.ts';
import { type AnyHandler, isReadOnly, mapHandlers, type UnaryService } from './unary-service.ts';

export interface WriteOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
  /** Digests a text, in hex, with a secret of this installation. */
  digest(text: string): string;
}

/** The fields that a request of any method may have. */
interface AnyRequest {
  readonly validateOnly?: boolean;
  readonly requestId?: string;
}

const REQUEST_ID = /^[!-~]{1,64}$/;

/**
 * Implements `validate_only` and `request_id` for all methods that change something and whose changes are all in Postgres.
 * A request with one of them runs in one transaction: it is rolled back, or it stores the answer for the next request.
 */
export function withWriteOptions(service: UnaryService, options: WriteOptions): UnaryService {
  return mapHandlers(service, (name, handle) => {
    const method = service.definition[name];
    if (method === undefined || isReadOnly(service, name)) return handle;
    const wrapped: AnyHandler = async (request, context) => {
      const { validateOnly = false, requestId = '' }: AnyRequest = request;
      if (requestId !== '' && !REQUEST_ID.test(requestId)) {
        throw invalidArgument({ field: 'request_id', description: 'must be 1 to 64 visible ASCII characters' });
      }
      if (validateOnly) {
        const response = await runInTransaction(options.database, 'rollback', () => handle(request, context));
        return withoutGenerated(name, request, response);
      }
      if (requestId === '') return handle(request, context);
      const { accountId, subject, statelessTokenId } = await options.authenticate(context);
      const caller = JSON.stringify([accountId, subject, statelessTokenId]);
      const body = createHash('sha256').update(method.requestSerialize(request)).digest('hex');
      const key = { caller, requestId, method: method.path, digest: options.digest(body) };
      const stored = await answerOnce(options.database, key, async () => {
        const response = await handle(request, context);
        return { response, answer: method.responseSerialize(withoutSecrets(response) as never) };
      });
      return 'response' in stored ? stored.response : method.responseDeserialize(Buffer.from(stored.answer));
    };
    return wrapped;
  });
}
