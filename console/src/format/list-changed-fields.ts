/** Names of the fields in which two forms differ, for the mask of an update. */
export function listChangedFields<T extends object>(before: T, after: T): string[] {
  const former = new Map(Object.entries(before));
  return Object.entries(after)
    .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(former.get(name)))
    .map(([name]) => name);
}
