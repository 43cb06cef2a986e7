import type { ClientBase, Pool } from 'pg';
import { interceptQueries } from '../intercept-queries.ts';
import { currentCall } from './current-call.ts';

/** Statements that begin a transaction, and others that change rows. */
const BEGIN = /^\s*(?:begin|start transaction)\b/i;
const CHANGE = /^\s*(?:insert|update|delete|merge|truncate|with)\b/i;

/**
 * Makes all connections of a pool tell Postgres on whose behalf they change rows: in the setting `weir.call`, for one
 * transaction. The triggers that write audit events read it. The setting travels in the message of the statement that begins
 * the transaction, or that is one by itself, so it costs no round trip and no caller can forget it.
 */
export function nameCaller(pool: Pick<Pool, 'on'>): void {
  interceptQueries(pool, (query, client) => (statement, values, callback) => {
    const named = typeof statement === 'string' ? addCaller(statement, client) : undefined;
    if (named === undefined) return query(statement, values, callback);
    if (callback !== undefined || (Array.isArray(values) && values.length > 0)) {
      // Postgres takes several statements in one message only without parameters.
      throw new Error('a statement that changes rows must have no parameters and return a promise');
    }
    return (query(named) as Promise<unknown[]>).then((results) => results.at(-1));
  });
}

/** A statement with the setting; undefined: it needs none, because it changes nothing or its transaction has it already. */
function addCaller(statement: string, client: ClientBase): string | undefined {
  if (client.getTransactionStatus() !== 'I') return undefined;
  const isBegin = BEGIN.test(statement);
  if (!isBegin && !CHANGE.test(statement)) return undefined;
  const setting = `select set_config('weir.call', ${client.escapeLiteral(describeCaller())}, true)`;
  return isBegin ? `${statement}; ${setting}` : `${setting}; ${statement}`;
}

function describeCaller(): string {
  const call = currentCall();
  if (call === undefined) return '{"actorKind":"SYSTEM"}';
  const { requestId, method, peer, actor } = call;
  return JSON.stringify({ requestId, method, peer, actor: actor.name, actorKind: actor.kind, session: actor.session });
}
