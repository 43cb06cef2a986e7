/** A rules file with exactly one fault. The fault has its position: `line:column: description`. */
export type BrokenRules = readonly [name: string, text: string, fault: string];

/** A rules file that is correct except for its one descriptor. */
export function withDescriptor(descriptor: string): string {
  return `domain: a\ndescriptors:\n  - ${descriptor}\n`;
}

/** A rules file that is correct except for the fields of its one limit. */
export function withLimit(fields: string): string {
  return withDescriptor(`{key: k, rate_limit: {${fields}}}`);
}

/** A rules file that is correct except for its one list of limits. */
export function withLimits(list: string): string {
  return withDescriptor(`{key: k, limits: ${list}}`);
}
