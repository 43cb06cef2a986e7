import type { LoggedRequest } from '../domain/logged-request.ts';
import type { Query } from '../interfaces/query.ts';

/**
 * Takes a JSON array of requests. A row whose time is not near that of Postgres gets the present one, because there is
 * no partition for it.
 */
const INSERT_REQUESTS = `
  insert into request_log (id, create_time, request_id, account_id, api_key_id, plan_id, route, method, path, status, code,
    duration_ms, request_bytes, response_bytes, peer, user_agent)
  select audit_event_id(at), at, "requestId", "accountId", "apiKeyId", "planId", route, method, path, status, code,
    "durationMs", "requestBytes", "responseBytes", peer, "userAgent"
  from jsonb_to_recordset(?::jsonb) as request ("timeMs" float8, "requestId" text, "accountId" text, "apiKeyId" text,
      "planId" text, route text, method text, path text, status integer, code text, "durationMs" integer,
      "requestBytes" bigint, "responseBytes" bigint, peer text, "userAgent" text),
    lateral (select case
      when "timeMs" / 1000 between extract(epoch from now()) - 43200 and extract(epoch from now()) + 3600
      then to_timestamp("timeMs" / 1000) else now() end as at) moment`;

/** Writes requests in one statement. */
export async function insertRequests(query: Query, requests: readonly LoggedRequest[]): Promise<void> {
  await query(INSERT_REQUESTS, [JSON.stringify(requests)]);
}
