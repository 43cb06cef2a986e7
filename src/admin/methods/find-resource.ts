import { isResourceName } from '../fields/resource-names.ts';

/** Fields of requests that have the id of a resource, and the collection of the resource. */
const ID_FIELDS = { planId: 'plans', issuerId: 'issuers', accountId: 'accounts', tokenId: 'tokens' } as const;
/** Other fields of requests that have the name of a resource. */
const NAME_FIELDS = ['name', 'account', 'parent'] as const;

/**
 * Finds the resource that a call is about in its messages: the name of one of them or of the resource in it, such as
 * `apiKey.name`. Returns an empty text if there is none. Names that no resource can have are ignored, because callers may
 * put a secret in their place.
 */
export function findResource(...messages: readonly unknown[]): string {
  for (const message of messages) {
    if (!isRecord(message)) continue;
    const names = [
      ...Object.values(message).map((value) => (isRecord(value) ? value.name : undefined)),
      ...NAME_FIELDS.map((field) => message[field]),
      ...Object.entries(ID_FIELDS).map(([field, collection]) => field in message && `${collection}/${message[field]}`),
    ];
    const found = names.find((name) => typeof name === 'string' && isResourceName(name));
    if (typeof found === 'string') return found;
  }
  return '';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
