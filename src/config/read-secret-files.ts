import { readFileSync } from 'node:fs';
import { SECRET_VARIABLES } from './variables.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Copies the environment without empty variables, and with the secrets that are given as files. */
export function readSecretFiles(environment: Environment, faults: string[]): Record<string, string | undefined> {
  const values = withoutEmptyVariables(environment);
  for (const name of SECRET_VARIABLES) {
    const file = values[`${name}_FILE`];
    if (file === undefined) continue;
    if (values[name] !== undefined) faults.push(`${name}: must be set either itself or as ${name}_FILE, not both`);
    try {
      values[name] = readFileSync(file, 'utf8').trim();
    } catch {
      // The path is not repeated: it may be the secret itself.
      faults.push(`${name}_FILE: must be the path of a readable file`);
    }
  }
  return values;
}

/** Copies the environment without empty variables. */
export function withoutEmptyVariables(environment: Environment): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) if (value) values[name] = value;
  return values;
}
