import type { ClientBase, Pool } from 'pg';

/** Runs a statement. The overloads of `query`, in one. */
export type RunQuery = (statement: unknown, ...rest: unknown[]) => unknown;

/** Replaces `query` of all connections of a pool by what `intercept` makes of it. Later calls come first. */
export function interceptQueries(
  pool: Pick<Pool, 'on'>,
  intercept: (query: RunQuery, client: ClientBase) => RunQuery,
): void {
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as RunQuery; // the overloads differ in more than this needs
    client.query = intercept(query, client) as ClientBase['query'];
  });
}
