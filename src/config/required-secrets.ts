/** Secrets that a node needs and that are not set. */
export interface UnsetSecrets {
  readonly variables: readonly string[];
  /** Names them and their consequences for this node, in one line. */
  readonly message: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface RequiredSecret {
  readonly variable: string;
  /** A clause that says how the node works without it. */
  readonly consequence: string;
}

/** Reports the secrets that REQUIRE_SECRETS requires and that are unset. */
export function findMissingSecrets(environment: Environment): readonly string[] {
  if (environment.REQUIRE_SECRETS !== 'true') return [];
  return findUnset(environment).map(({ variable }) => `${variable}: must be set, because REQUIRE_SECRETS is true`);
}

/** Undefined if all secrets are set, and with the embedded Postgres, for which they are generated and kept. */
export function describeUnsetSecrets(environment: Environment): UnsetSecrets | undefined {
  const unset = environment.DATABASE_URL === undefined ? [] : findUnset(environment);
  if (unset.length === 0) return undefined;
  const message = unset.map(({ variable, consequence }) => `${variable} is not set: ${consequence}`).join('; ');
  return { variables: unset.map(({ variable }) => variable), message };
}

function findUnset(environment: Environment): readonly RequiredSecret[] {
  const isSet = (variable: string) =>
    environment[variable] !== undefined || environment[`${variable}_FILE`] !== undefined;
  return listRequiredSecrets(environment).filter(({ variable }) => !isSet(variable));
}

function listRequiredSecrets({ WEIR_ROLE: role, TOKEN_ALGORITHM: algorithm }: Environment): readonly RequiredSecret[] {
  const required: RequiredSecret[] = [
    { variable: 'KEY_PEPPER', consequence: 'the digests of API keys in the database have no pepper' },
  ];
  if (role !== 'decision') {
    const consequence =
      'this node generates one in DATA_DIR, and nodes with different ones sign with keys of their own';
    required.push({ variable: 'SIGNING_KEY_SECRET', consequence });
  } else if (algorithm === 'HS256') {
    const consequence = 'this node cannot verify tokens that are signed with HS256';
    required.push({ variable: 'SIGNING_KEY_SECRET', consequence });
  }
  return required;
}
