import type { AccessChange } from '../../domain/access-change.ts';
import type { Query } from '../../interfaces/query.ts';

/** State of a credential, an account or a device in the database. */
interface PresentState {
  readonly id: string;
  readonly disabled: boolean;
  /** Unix time in ms; null: never. */
  readonly expiresAt: number | null;
  /** Unix time in ms when its block ends; Infinity: never. null: it has none. */
  readonly blockEndsAt?: number | null;
}

type Entity = AccessChange['entity'];
type States = Readonly<Record<Entity | 'session', ReadonlyMap<string, PresentState>>>;

const IDS = 'id in (select jsonb_array_elements_text(?::jsonb))';
const toUnixMs = (time: string) => `(extract(epoch from ${time}) * 1000)::float8`;
/** Selects the rows that are in use. */
const SELECT_STATES: Readonly<Record<keyof States, string>> = {
  api_key: `select id, disabled, ${toUnixMs('least(expire_time, overlap_end_time)')} as "expiresAt"
    from api_key where delete_time is null and ${IDS}`,
  issuer: `select id, disabled, null as "expiresAt" from issuer where ${IDS}`,
  signing_key: `select id, false as disabled, ${toUnixMs('expire_time')} as "expiresAt" from signing_key where ${IDS}`,
  revocation: `select id, false as disabled, ${toUnixMs('expire_time')} as "expiresAt" from revocation where ${IDS}`,
  account: `select id, disabled, null as "expiresAt", ${toUnixMs('block_expire_time')} as "blockEndsAt"
    from account where delete_time is null and ${IDS}`,
  device: `select id, false as disabled, null as "expiresAt", case when blocked then 'infinity'::float8 end as "blockEndsAt"
    from device where ${IDS}`,
  session: `select id, false as disabled, ${toUnixMs('expire_time')} as "expiresAt"
    from session where end_time is null and expire_time > now() and ${IDS}`,
};

/**
 * Returns those changes that took access away and are not in force in the database: the credential works again. `now` is
 * the Unix time in ms.
 */
export async function findRestoredAccess(
  query: Query,
  changes: readonly AccessChange[],
  now: number,
): Promise<ReadonlySet<AccessChange>> {
  const idsOf = (entity: Entity) => changes.filter((change) => change.entity === entity).map(({ id }) => id);
  const sessionIds = changes.filter(({ kind }) => kind === 'session').map(({ value = '' }) => value);
  const states: States = {
    api_key: await readStates(query, 'api_key', idsOf('api_key')),
    issuer: await readStates(query, 'issuer', idsOf('issuer')),
    signing_key: await readStates(query, 'signing_key', idsOf('signing_key')),
    revocation: await readStates(query, 'revocation', idsOf('revocation')),
    account: await readStates(query, 'account', idsOf('account')),
    device: await readStates(query, 'device', idsOf('device')),
    session: await readStates(query, 'session', sessionIds),
  };
  return new Set(changes.filter((change) => !isInForce(change, states, now)));
}

async function readStates(query: Query, from: keyof States, ids: readonly string[]) {
  // The cast holds because each of SELECT_STATES selects these columns.
  const rows = (await query(SELECT_STATES[from], [JSON.stringify(ids)])) as PresentState[];
  return new Map(rows.map((row) => [row.id, row]));
}

function isInForce({ entity, id, state, expiresAt, kind, value = '' }: AccessChange, states: States, now: number) {
  const present = states[entity].get(id);
  const until = expiresAt ?? Number.POSITIVE_INFINITY;
  if (state === 'revoked') {
    if (kind === 'session' && states.session.has(value)) return false;
    return present !== undefined || until <= now;
  }
  // An unknown device can register, so it is no longer blocked.
  if (entity === 'device' && state === 'blocked') return present?.blockEndsAt != null;
  if (present === undefined || state === 'enabled' || state === 'unblocked') return true;
  if (state === 'blocked') return present.disabled || until <= now || (present.blockEndsAt ?? 0) >= until;
  if (state === 'expires') return present.disabled || (present.expiresAt ?? Number.POSITIVE_INFINITY) <= until;
  return state === 'disabled' && present.disabled;
}
