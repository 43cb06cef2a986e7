import { readId } from './resource-names.ts';

/** Writes a path and a query. Values that are empty are left out. */
export function writeUrl(path: string, query: Readonly<Record<string, string>>): string {
  const values = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ''));
  return values.size === 0 ? path : `${path}?${values}`;
}

/** The page of a resource, by its name: `/console/accounts/acme` for `accounts/acme`. */
export function writeResourceUrl(name: string): string {
  const [collection = ''] = name.split('/');
  const page = collection === 'apiKeys' ? 'keys' : collection;
  return `/console/${page}/${encodeURIComponent(readId(name))}`;
}
