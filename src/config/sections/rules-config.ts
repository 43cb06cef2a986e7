import { z } from 'zod';

/** How the folder in RULES_PATH is read. */
export interface RulesConfig {
  /** Files whose names begin with a dot hold no rules. */
  readonly ignoreDotFiles: boolean;
  /** Several files may have the same domain. */
  readonly mergeDomains: boolean;
}

const flag = z.enum(['true', 'false'], 'must be true or false');

/** The names are those of envoyproxy/ratelimit, where RUNTIME_IGNOREDOTFILES is false by default. */
export const rulesVariables = {
  RUNTIME_IGNOREDOTFILES: flag.default('true'),
  MERGE_DOMAIN_CONFIG: flag.default('false'),
};

export function readRulesConfig(
  env: { readonly [Name in keyof typeof rulesVariables]: 'true' | 'false' },
): RulesConfig {
  return { ignoreDotFiles: env.RUNTIME_IGNOREDOTFILES === 'true', mergeDomains: env.MERGE_DOMAIN_CONFIG === 'true' };
}
