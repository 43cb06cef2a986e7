/** Names of the fields of responses that hold a secret, which is returned only once. */
const SECRETS: readonly string[] = ['secret', 'token', 'resetToken'];
/** Names of the fields of a new resource whose values are generated. */
const GENERATED: readonly string[] = ['name', 'hint', 'tokenId'];
/** Methods that generate the id of what they create. CreateAccount does so only for a request without an id. */
const GENERATING_METHODS: ReadonlySet<string> = new Set([
  'createApiKey',
  'batchCreateApiKeys',
  'rotateApiKey',
  'rotateSigningKey',
  'issueToken',
  'createWebhook',
]);

type Fields = Readonly<Record<string, unknown>>;

/** Returns a copy of a response whose secrets are empty. */
export function withoutSecrets(response: unknown): unknown {
  return clearFields(response, SECRETS);
}

/** Returns a copy of a response without the secrets and ids that the method has generated. */
export function withoutGenerated(method: string, request: Fields, response: unknown): unknown {
  const isGenerated = GENERATING_METHODS.has(method) || request.accountId === '';
  return clearFields(response, isGenerated ? [...SECRETS, ...GENERATED] : SECRETS);
}

/** Clears text fields of a response, of the API key or webhook in it, and of each item of its API keys. */
function clearFields(response: unknown, names: readonly string[]): unknown {
  if (typeof response !== 'object' || response === null) return response;
  const entries = Object.entries(response).map(([field, value]: [string, unknown]) => {
    if (typeof value === 'string') return [field, names.includes(field) ? '' : value] as const;
    if (field === 'apiKey' || field === 'webhook') return [field, clearFields(value, names)] as const;
    const isList = field === 'apiKeys' && Array.isArray(value);
    return [field, isList ? value.map((item) => clearFields(item, names)) : value] as const;
  });
  return Object.fromEntries(entries);
}
