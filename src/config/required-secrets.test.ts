import { describe, expect, it } from 'vitest';
import { InvalidConfig, readConfig } from './config.ts';

const DATABASE_URL = 'postgres://db/weir';
const KEY_PEPPER = 'a pepper of some length';
const SIGNING_KEY_SECRET = 'a secret of at least 32 characters';

/** The variables that a role needs, for tokens that are signed with an algorithm. */
const NEEDED = [
  ['all', 'EdDSA', ['KEY_PEPPER', 'SIGNING_KEY_SECRET']],
  ['admin', 'EdDSA', ['KEY_PEPPER', 'SIGNING_KEY_SECRET']],
  ['decision', 'EdDSA', ['KEY_PEPPER']],
  ['decision', 'HS256', ['KEY_PEPPER', 'SIGNING_KEY_SECRET']],
] as const;

function readFaults(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig({ REQUIRE_SECRETS: 'true', ...environment });
    return [];
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    return error.message.split('\n');
  }
}

describe('REQUIRE_SECRETS', () => {
  it.each(NEEDED)(
    'makes it a fault in the role %s that a secret is unset (%s)',
    (WEIR_ROLE, TOKEN_ALGORITHM, names) => {
      const node = { DATABASE_URL, WEIR_ROLE, TOKEN_ALGORITHM };
      const faults = names.map((name) => `${name}: must be set, because REQUIRE_SECRETS is true`);
      expect(readFaults(node)).toEqual(faults);
      expect(readFaults({ ...node, KEY_PEPPER: '' })).toEqual(faults);
      expect(readFaults({ ...node, KEY_PEPPER })).toEqual(faults.slice(1));
      expect(readFaults({ ...node, KEY_PEPPER, SIGNING_KEY_SECRET })).toEqual([]);
      expect(readFaults({ ...node, REQUIRE_SECRETS: 'false' })).toEqual([]);
    },
  );

  it('counts for the embedded Postgres, too', () => {
    expect(readFaults({})).toHaveLength(2);
    expect(readFaults({ KEY_PEPPER, SIGNING_KEY_SECRET })).toEqual([]);
  });

  it('is reported together with all other faults, and once for each variable', () => {
    expect(readFaults({ KEY_PEPPER_FILE: '/does/not/exist', LOG_LEVEL: 'loud' })).toEqual([
      'KEY_PEPPER_FILE: must be the path of a readable file',
      expect.stringMatching(/^LOG_LEVEL: must be/),
      expect.stringMatching(/^SIGNING_KEY_SECRET: must be set/),
    ]);
    expect(readFaults({ REQUIRE_SECRETS: 'yes' })).toEqual(['REQUIRE_SECRETS: must be true or false (got "yes")']);
  });
});

describe('the warning about unset secrets', () => {
  it.each(NEEDED)('names each with DATABASE_URL in the role %s (%s)', (WEIR_ROLE, TOKEN_ALGORITHM, names) => {
    const node = { DATABASE_URL, WEIR_ROLE, TOKEN_ALGORITHM };
    const { variables, message = '' } = readConfig(node).unsetSecrets ?? {};
    expect(variables).toEqual(names);
    for (const name of names) expect(message).toContain(`${name} is not set: `);
    expect(message).not.toContain('\n');
    expect(readConfig({ ...node, KEY_PEPPER }).unsetSecrets?.variables ?? []).toEqual(names.slice(1));
    expect(readConfig({ ...node, KEY_PEPPER, SIGNING_KEY_SECRET }).unsetSecrets).toBeUndefined();
  });

  it('is absent with the embedded Postgres, for which they are generated', () => {
    expect(readConfig({}).unsetSecrets).toBeUndefined();
  });
});
