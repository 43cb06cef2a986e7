/** The last part of a resource name: `accounts/acme` is `acme`. */
export function readId(name: string | undefined): string {
  return name?.slice(name.lastIndexOf('/') + 1) ?? '';
}

/** Writes a text as a value of a filter (https://google.aip.dev/160). */
export function quoteFilterValue(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/** Joins the conditions of a filter. Empty ones are left out. */
export function joinConditions(conditions: readonly string[]): string {
  return conditions.filter((condition) => condition !== '').join(' AND ');
}

/** Writes the name of an account from an id or a name, as people type it. Empty: none. */
export function writeAccountName(typed: string): string {
  const id = typed.trim().replace(/^accounts\//, '');
  return id === '' ? '' : `accounts/${id}`;
}
