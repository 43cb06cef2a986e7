import { runInTransaction } from '../../database/call-transaction.ts';
import { AnsweredRequestEntity } from '../../database/entities/answered-request-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { invalidArgument } from '../../domain/api-error.ts';

/** Time for which a request id stands for its answer. */
const KEPT_HOURS = 24;
/** Old answers that one call deletes, so that none has much to do. */
const MAX_PURGED = 100;

/** A request with a request id. */
export interface IdentifiedRequest {
  readonly caller: string;
  readonly requestId: string;
  readonly method: string;
  readonly digest: string;
}

/** The response of a request, and the bytes that a repeated request gets. */
export interface NewAnswer<Response> {
  readonly response: Response;
  readonly answer: Uint8Array;
}

/**
 * Handles the request and stores its answer in the same transaction, or returns the stored answer of an equal request.
 * Of two such requests at once, the second waits for the first. A request that failed stores nothing. Throws `invalid`
 * for another request with the same id.
 */
export async function answerOnce<Response>(
  database: Database,
  request: IdentifiedRequest,
  handle: () => Promise<NewAnswer<Response>>,
): Promise<NewAnswer<Response> | { readonly answer: Uint8Array }> {
  const { caller, requestId, method, digest } = request;
  return runInTransaction(database, 'commit', async (em) => {
    await em.execute(
      `delete from answered_request where (caller, request_id) in (
         select caller, request_id from answered_request where create_time < now() - make_interval(hours => ?)
         order by create_time limit ? for update skip locked)`,
      [KEPT_HOURS, MAX_PURGED],
    );
    const inserted = await em.execute(
      `insert into answered_request (caller, request_id, method, digest, create_time) values (?, ?, ?, ?, now())
       on conflict (caller, request_id) do nothing returning 1 as one`,
      [caller, requestId, method, digest],
    );
    if (inserted.length > 0) {
      const created = await handle();
      await em.nativeUpdate(AnsweredRequestEntity, { caller, requestId }, { answer: Buffer.from(created.answer) });
      return created;
    }
    const stored = await em.findOne(AnsweredRequestEntity, { caller, requestId });
    if (stored?.answer == null || stored.method !== method || stored.digest !== digest) {
      const description = `must be another one: a request with other fields has used it in the last ${KEPT_HOURS} hours`;
      throw invalidArgument({ field: 'request_id', description });
    }
    return { answer: stored.answer };
  });
}
