/** The text in a field of a message of any method; undefined: the message has no such field. */
export function readText(message: unknown, field: string): string | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const value: unknown = Reflect.get(message, field);
  return typeof value === 'string' ? value : undefined;
}
