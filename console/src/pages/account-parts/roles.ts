/** Roles, and what people read. */
export const ROLES = [
  ['user', 'User: manages its own keys, sessions and profile'],
  ['admin', 'Administrator: manages everything'],
] as const;

export type Role = (typeof ROLES)[number][0];
