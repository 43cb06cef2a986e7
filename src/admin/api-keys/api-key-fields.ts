import { isDeepStrictEqual } from 'node:util';
import type { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import { parseNetworks } from '../../domain/credentials/allowed-networks.ts';
import type { PlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { ApiKey } from '../../generated/weir/admin/v1/api_key_service.ts';
import { type Caller, requireAdmin } from '../callers/caller.ts';
import { checkDisplayName, readTime, readUpdateMask } from '../fields/common-fields.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readFeatures, readLimits } from '../fields/limits-and-features.ts';
import { readResourceName } from '../fields/resource-names.ts';

/** The columns of a key that an update can change. */
type UpdatableFields = Pick<
  ApiKeyEntity,
  'displayName' | 'planId' | 'disabled' | 'expireTime' | 'allowedNetworks' | 'limits' | 'features'
>;

export type ApiKeyChanges = Partial<UpdatableFields>;

/** The columns of a key that continues the counters of another. */
type ContinuedFields = Pick<ApiKeyEntity, 'counterId' | 'supersededLimits' | 'supersededPlanLimits'>;

/** The columns of a key that its creator sets. A key without `counterId` gets a counter of its own. */
export type ApiKeyValues = UpdatableFields & Pick<ApiKeyEntity, 'accountId'> & Partial<ContinuedFields>;

/**
 * The values of a key to create. Throws `forbidden` if the caller is not an administrator and the key belongs to
 * another account, has a plan of its own or has features.
 */
export function readApiKeyValues(apiKey: ApiKey, caller: Caller): ApiKeyValues {
  const violations = new FieldViolations();
  const reader = new FieldReader(violations, apiKey);
  const values = {
    displayName: reader.displayName(),
    planId: reader.planId(),
    disabled: apiKey.disabled,
    expireTime: reader.expireTime(),
    allowedNetworks: reader.allowedNetworks(),
    limits: reader.limits(),
    features: reader.features(),
    accountId: reader.accountId(caller.accountId),
  };
  const { expireTime, planId, features } = values;
  if (expireTime !== null && expireTime <= new Date()) {
    violations.add('api_key.expire_time', withFound('must be in the future', expireTime.toISOString()));
  }
  violations.throwIfAny();
  if (planId !== null) requireAdmin(caller, 'set api_key.plan');
  if (features.length > 0) requireAdmin(caller, 'set api_key.features');
  if (values.accountId !== caller.accountId) requireAdmin(caller, 'create a key of another account');
  return values;
}

/** The changes of an update: the fields that its mask names, or without a mask those that are set. */
export function readApiKeyChanges(apiKey: ApiKey, updateMask: string): ApiKeyChanges {
  const violations = new FieldViolations();
  const updated = readUpdateMask(violations, updateMask, {
    displayName: apiKey.displayName !== '',
    plan: apiKey.plan !== '',
    disabled: apiKey.disabled,
    expireTime: apiKey.expireTime !== undefined,
    allowedNetworks: apiKey.allowedNetworks.length > 0,
    limits: apiKey.limits.length > 0,
    features: apiKey.features.length > 0,
  });
  const reader = new FieldReader(violations, apiKey);
  const changes = {
    ...(updated.has('displayName') && { displayName: reader.displayName() }),
    ...(updated.has('plan') && { planId: reader.planId() }),
    ...(updated.has('disabled') && { disabled: apiKey.disabled }),
    ...(updated.has('expireTime') && { expireTime: reader.expireTime() }),
    ...(updated.has('allowedNetworks') && { allowedNetworks: reader.allowedNetworks() }),
    ...(updated.has('limits') && { limits: reader.limits() }),
    ...(updated.has('features') && { features: reader.features() }),
  };
  violations.throwIfAny();
  return changes;
}

/**
 * Says which restriction of a key changes would lift, as what only an administrator can do: enable it, extend its lifetime,
 * allow more networks, remove or change one of its limits, or add a feature. An administrator may have set the restriction
 * on purpose. undefined: they lift none.
 */
export function describeLiftedRestriction(row: ApiKeyEntity, changes: ApiKeyChanges): string | undefined {
  const { disabled, expireTime, allowedNetworks, limits, features } = changes;
  if (row.disabled && disabled === false) return 'enable a disabled key';
  if (allowedNetworks !== undefined && !isSubsetOfNetworks(allowedNetworks, row.allowedNetworks)) {
    return 'add to api_key.allowed_networks';
  }
  if (limits !== undefined && !row.limits.every((limit) => limits.some((other) => isDeepStrictEqual(limit, other)))) {
    return 'change or remove a limit in api_key.limits';
  }
  if (features?.some((feature) => !row.features.includes(feature))) return 'add to api_key.features';
  if (expireTime === undefined || row.expireTime === null) return undefined;
  return expireTime === null || expireTime > row.expireTime ? 'extend api_key.expire_time' : undefined;
}

/** An empty list stands for all networks. Compares by text: a part of an allowed network does not count as allowed. */
function isSubsetOfNetworks(networks: readonly string[], allowed: readonly string[]): boolean {
  return allowed.length === 0 || (networks.length > 0 && networks.every((network) => allowed.includes(network)));
}

/** Reads the fields of a key in the form in which they are stored, and adds a violation for each that is invalid. */
class FieldReader {
  readonly #violations: FieldViolations;
  readonly #apiKey: ApiKey;

  constructor(violations: FieldViolations, apiKey: ApiKey) {
    this.#violations = violations;
    this.#apiKey = apiKey;
  }

  displayName(): string {
    checkDisplayName(this.#violations, 'api_key.display_name', this.#apiKey.displayName);
    return this.#apiKey.displayName;
  }

  /** `callerAccountId`: the default; undefined if the caller has no account. */
  accountId(callerAccountId: string | undefined): string {
    const { account } = this.#apiKey;
    if (account !== '') return readResourceName(this.#violations, 'accounts', 'api_key.account', account);
    if (callerAccountId === undefined) {
      this.#violations.add('api_key.account', 'must be set: the caller has no account in the catalog');
    }
    return callerAccountId ?? '';
  }

  /** Null: the key has the plan of its account. */
  planId(): string | null {
    const { plan } = this.#apiKey;
    return plan === '' ? null : readResourceName(this.#violations, 'plans', 'api_key.plan', plan);
  }

  /** Null: the key does not expire. */
  expireTime(): Date | null {
    return readTime(this.#violations, 'api_key.expire_time', this.#apiKey.expireTime);
  }

  allowedNetworks(): readonly string[] {
    const parsed = parseNetworks(this.#apiKey.allowedNetworks);
    if ('faults' in parsed) this.#violations.addAll('api_key.', parsed.faults);
    return this.#apiKey.allowedNetworks;
  }

  features(): readonly string[] {
    return readFeatures(this.#violations, 'api_key', this.#apiKey.features);
  }

  limits(): readonly PlanLimitSpec[] {
    return readLimits(this.#violations, 'api_key', this.#apiKey.limits);
  }
}
