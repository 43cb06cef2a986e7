import type { Any } from '../generated/google/protobuf/any.ts';
import {
  RateLimitConfig,
  type RateLimitDescriptor,
  type RateLimitPolicy,
  RateLimitUnit,
} from '../generated/ratelimit/config/ratelimit/v3/rls_conf.ts';
import type { RulesText } from '../rules/load/load-rules.ts';
import { RATE_LIMIT_CONFIG_TYPE } from './ads-state.ts';

/** A resource that is not a RateLimitConfig. The message says which one. */
export class InvalidResource extends Error {
  override readonly name = 'InvalidResource';
}

/** Turns resources into the texts of rules files, with the same fields. Throws InvalidResource. */
export function formatRulesTexts(resources: readonly Any[]): readonly RulesText[] {
  return resources.map(({ typeUrl, value }, index) => {
    if (typeUrl !== RATE_LIMIT_CONFIG_TYPE) {
      throw new InvalidResource(`resources[${index}].type_url: must be ${RATE_LIMIT_CONFIG_TYPE}`);
    }
    const { name, domain, descriptors } = decode(value, index);
    // JSON is YAML.
    return { name, text: JSON.stringify({ domain, descriptors: descriptors.map(formatDescriptor) }) };
  });
}

function decode(value: Uint8Array, index: number): RateLimitConfig {
  try {
    return RateLimitConfig.decode(value);
  } catch {
    throw new InvalidResource(`resources[${index}].value: must be a RateLimitConfig`);
  }
}

function formatDescriptor(descriptor: RateLimitDescriptor): object {
  const { key, value, rateLimit, descriptors, shadowMode, detailedMetric, quotaMode, metadata } = descriptor;
  return {
    key,
    ...(value !== '' && { value }),
    ...(rateLimit !== undefined && { rate_limit: formatPolicy(rateLimit) }),
    ...(descriptors.length > 0 && { descriptors: descriptors.map(formatDescriptor) }),
    ...(shadowMode && { shadow_mode: true }),
    ...(detailedMetric && { detailed_metric: true }),
    ...(quotaMode && { quota_mode: true }),
    ...(metadata !== undefined && { metadata }),
  };
}

const UNIT_NAMES = new Map<number, string>(Object.entries(RateLimitUnit).map(([name, number]) => [number, name]));

/** A limit that is neither unlimited nor has a unit gets a unit that is a fault. */
function formatPolicy({ unit, requestsPerUnit, unlimited, name, replaces }: RateLimitPolicy): object {
  return {
    ...(unlimited && { unlimited: true }),
    ...((!unlimited || unit !== RateLimitUnit.UNKNOWN) && {
      unit: UNIT_NAMES.get(unit) ?? `${unit}`,
      requests_per_unit: requestsPerUnit,
    }),
    ...(name !== '' && { name }),
    ...(replaces.length > 0 && { replaces: replaces.map((replaced) => ({ name: replaced.name })) }),
  };
}
