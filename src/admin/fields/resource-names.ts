import { invalidArgument } from '../../domain/api-error.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { FieldViolations } from './field-violations.ts';

/** Ids that the caller chooses at creation. */
const CHOSEN_ID = /^[a-z][a-z0-9-]{0,62}$/;
/** Ids that Weir generates: UUIDs in lower case. */
const GENERATED_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Ids that the caller may choose, and Weir generates otherwise. */
const OPTIONALLY_CHOSEN_ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The ids of devices: half of a SHA-256 in hex. */
const DIGEST_ID = /^[0-9a-f]{32}$/;

const ID_PATTERNS = {
  plans: CHOSEN_ID,
  issuers: CHOSEN_ID,
  accounts: OPTIONALLY_CHOSEN_ID,
  apiKeys: GENERATED_ID,
  signingKeys: GENERATED_ID,
  tokens: GENERATED_ID,
  auditEvents: GENERATED_ID,
  requestLogs: GENERATED_ID,
  devices: DIGEST_ID,
  sessions: GENERATED_ID,
  webhooks: GENERATED_ID,
  deliveries: GENERATED_ID,
} as const;

/** The kinds of resources, by the first part of their names. */
export type Collection = keyof typeof ID_PATTERNS;

export function isResourceId(collection: Collection, id: string): boolean {
  return ID_PATTERNS[collection].test(id);
}

/** Whether a text is a name of any resource, such as `plans/team` or `accounts/a/sessions/b`. */
export function isResourceName(name: string): boolean {
  const parts = name.split('/');
  if (parts.length % 2 !== 0) return false;
  return parts.every((part, index) => {
    if (index % 2 === 0) return index > 0 ? CHOSEN_ID.test(part) : Object.hasOwn(ID_PATTERNS, part);
    return index > 1 ? OPTIONALLY_CHOSEN_ID.test(part) : isResourceId(parts[0] as Collection, part); // checked above
  });
}

/** The id of a resource name, such as `team` for `plans/team`; undefined if `name` is not a name of the collection. */
export function parseResourceName(collection: Collection, name: string): string | undefined {
  const prefix = `${collection}/`;
  const id = name.slice(prefix.length);
  return name.startsWith(prefix) && isResourceId(collection, id) ? id : undefined;
}

/** The id of a resource name. Adds a violation and returns an empty id if `name` is not a name of the collection. */
export function readResourceName(
  violations: FieldViolations,
  collection: Collection,
  field: string,
  name: string,
): string {
  const id = parseResourceName(collection, name);
  if (id === undefined) violations.add(field, describeFault(collection, name));
  return id ?? '';
}

/** The id of a resource name. Throws `invalid` if `name` is not a name of the collection. */
export function requireResourceName(collection: Collection, field: string, name: string): string {
  const id = parseResourceName(collection, name);
  if (id === undefined) throw invalidArgument({ field, description: describeFault(collection, name) });
  return id;
}

/** The ids of a session's name and of its account. Throws `invalid` if `name` is not the name of a session. */
export function requireSessionName(field: string, name: string): { accountId: string; sessionId: string } {
  const [, account = '', session = ''] = /^(accounts\/[^/]*)\/(sessions\/[^/]*)$/.exec(name) ?? [];
  const accountId = parseResourceName('accounts', account);
  const sessionId = parseResourceName('sessions', session);
  if (accountId !== undefined && sessionId !== undefined) return { accountId, sessionId };
  const description = withFound('must be a resource name of the form accounts/{id}/sessions/{id}', name);
  throw invalidArgument({ field, description });
}

function describeFault(collection: Collection, name: string): string {
  return withFound(`must be a resource name of the form ${collection}/{id}`, name);
}

export function checkChosenId(violations: FieldViolations, field: string, id: string): void {
  if (CHOSEN_ID.test(id)) return;
  violations.add(field, withFound('must be 1 to 63 characters of a-z, 0-9 and "-", starting with a letter', id));
}
