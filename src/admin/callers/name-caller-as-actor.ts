import { nameActor } from '../../database/audit/current-call.ts';
import type { Actor } from '../../domain/audit-event.ts';
import type { Authenticate, Caller } from './caller.ts';

/** Names each authenticated caller as the actor of its call, in audit events and log lines. */
export function nameCallerAsActor(authenticate: Authenticate): Authenticate {
  return async (context) => {
    const caller = await authenticate(context);
    nameActor(toActor(caller));
    return caller;
  };
}

function toActor({ accountId, sessionId, statelessTokenId, subject }: Caller): Actor {
  if (accountId !== undefined) return accountActor(accountId, sessionId);
  return { kind: 'TOKEN', name: statelessTokenId === undefined ? subject : `tokens/${statelessTokenId}` };
}

/** An account of the catalog. */
export function accountActor(accountId: string, sessionId?: string): Actor {
  const name = `accounts/${accountId}`;
  return { kind: 'ACCOUNT', name, accountId, session: sessionId && `${name}/sessions/${sessionId}` };
}
