/** Kinds of actors. The protos describe them. */
export const ACTOR_KINDS = ['ACCOUNT', 'API_KEY', 'TOKEN', 'ANONYMOUS', 'DATABASE', 'SYSTEM'] as const;

export type ActorKind = (typeof ACTOR_KINDS)[number];

/** The caller of a method of the admin API. */
export interface Actor {
  readonly kind: ActorKind;
  /** The resource name; empty if nobody is known. */
  readonly name: string;
  /** The name of the session; undefined: the actor has not signed in to Weir. */
  readonly session?: string | undefined;
  /** The account whose users may read what the actor was refused; undefined: administrators only. */
  readonly accountId?: string | undefined;
}

/** The values of a field before and after a change, as JSON. undefined: the field was or is empty, or it is a secret. */
export interface FieldChange {
  readonly field: string;
  readonly oldValue?: unknown;
  readonly newValue?: unknown;
}
