import { newDatabase } from '../support/databases.ts';
import { type Environment, NODE_SECRETS } from '../support/node.ts';
import { startWeirProcess } from '../support/weir-process.ts';

/** Starts a built node with the default limits of the admin API. */
export async function startWithDefaultLimits(environment: Environment = {}) {
  const defaults = {
    DATABASE_URL: await newDatabase(),
    RULES_PATH: '', // the default limits
    ...NODE_SECRETS,
  };
  return startWeirProcess({ ...defaults, ...environment }, 'dist/src/main.js');
}
