import { isDeepStrictEqual } from 'node:util';
import type { ApiKeyEntity } from '../../database/entities.ts';
import { parseNetworks } from '../../domain/credentials/networks.ts';
import type { PlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type { ApiKey } from '../../generated/weir/admin/v1/api_key_service.ts';
import { type Caller, requireAdmin } from '../auth/caller.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import { readFeatures, readLimits } from '../shared/limits-and-features.ts';

/** What an update may change of a key. */
type UpdatableFields = Pick<
  ApiKeyEntity,
  'displayName' | 'planId' | 'disabled' | 'expireTime' | 'allowedNetworks' | 'limits' | 'features'
>;

export type ApiKeyValues = UpdatableFields & Pick<ApiKeyEntity, 'accountId'> & { readonly counterId?: string };

/** What a key is to be that a caller may make: an administrator any, others one of their account, on its plan and without features. */
export function readApiKeyValues(given: ApiKey, caller: Caller): ApiKeyValues {
  const faults = new FieldViolations();
  const fields = new FieldReader(faults, given);
  const { account } = given;
  const accountId = account === '' ? caller.accountId : faults.idOf('accounts', 'api_key.account', account);
  if (accountId === undefined)
    faults.add('api_key.account', 'must be given: the caller has no account of their own here');
  const values = {
    displayName: fields.displayName(),
    planId: fields.planId(),
    disabled: given.disabled,
    expireTime: fields.expireTime(),
    allowedNetworks: fields.allowedNetworks(),
    limits: fields.limits(),
    features: fields.features(),
    accountId: accountId ?? '',
  };
  const { expireTime, planId, features } = values;
  if (expireTime !== null && expireTime <= new Date()) faults.add('api_key.expire_time', 'must be in the future');
  faults.throwIfAny();
  if (planId !== null || features.length > 0 || values.accountId !== caller.accountId) requireAdmin(caller);
  return values;
}

/** What an update changes of a key, by its mask. */
export function readApiKeyChanges(given: ApiKey, updateMask: string): Partial<UpdatableFields> {
  const faults = new FieldViolations();
  const named = faults.mask(updateMask, {
    displayName: given.displayName !== '',
    plan: given.plan !== '',
    disabled: given.disabled,
    expireTime: given.expireTime !== undefined,
    allowedNetworks: given.allowedNetworks.length > 0,
    limits: given.limits.length > 0,
    features: given.features.length > 0,
  });
  const fields = new FieldReader(faults, given);
  const changes = {
    ...(named.has('displayName') && { displayName: fields.displayName() }),
    ...(named.has('plan') && { planId: fields.planId() }),
    ...(named.has('disabled') && { disabled: given.disabled }),
    ...(named.has('expireTime') && { expireTime: fields.expireTime() }),
    ...(named.has('allowedNetworks') && { allowedNetworks: fields.allowedNetworks() }),
    ...(named.has('limits') && { limits: fields.limits() }),
    ...(named.has('features') && { features: fields.features() }),
  };
  faults.throwIfAny();
  return changes;
}

/** Whether a change lets a key do again, for longer, or more than what somebody may have set on purpose. */
export function grantsMore(row: ApiKeyEntity, changes: Partial<UpdatableFields>): boolean {
  const { disabled, expireTime, allowedNetworks, limits, features = [] } = changes;
  if (row.disabled && disabled === false) return true;
  if (allowedNetworks !== undefined && !narrowsNetworks(row.allowedNetworks, allowedNetworks)) return true;
  if (limits !== undefined && !row.limits.every((limit) => limits.some((other) => isDeepStrictEqual(limit, other))))
    return true;
  if (!features.every((feature) => row.features.includes(feature))) return true;
  if (expireTime === undefined || row.expireTime === null) return false;
  return expireTime === null || expireTime > row.expireTime;
}

/** No networks are all networks. */
function narrowsNetworks(before: readonly string[], after: readonly string[]): boolean {
  return before.length === 0 || (after.length > 0 && after.every((network) => before.includes(network)));
}

/** Reads the fields of a key, and collects what is wrong with them. */
class FieldReader {
  readonly #faults: FieldViolations;
  readonly #given: ApiKey;

  constructor(faults: FieldViolations, given: ApiKey) {
    this.#faults = faults;
    this.#given = given;
  }

  displayName(): string {
    this.#faults.displayName('api_key.display_name', this.#given.displayName);
    return this.#given.displayName;
  }

  /** Null: the plan of the account. */
  planId(): string | null {
    const { plan } = this.#given;
    return plan === '' ? null : this.#faults.idOf('plans', 'api_key.plan', plan);
  }

  expireTime(): Date | null {
    return this.#faults.time('api_key.expire_time', this.#given.expireTime);
  }

  allowedNetworks(): readonly string[] {
    const networks = parseNetworks(this.#given.allowedNetworks);
    if ('faults' in networks) {
      for (const { field, description } of networks.faults) this.#faults.add(`api_key.${field}`, description);
    }
    return this.#given.allowedNetworks;
  }

  features(): readonly string[] {
    return readFeatures(this.#faults, 'api_key', this.#given.features);
  }

  limits(): readonly PlanLimitSpec[] {
    return readLimits(this.#faults, 'api_key', this.#given.limits);
  }
}
