/** An invalid field, described for the person who wrote it. */
export interface FieldFault {
  /** Path of the field, such as `limits[1].window`. */
  readonly field: string;
  /** Completes a sentence whose subject is the field, such as `must be at most 64`. Never repeats a secret. */
  readonly description: string;
}

/** Result of a parser that rejects its input: every fault, not only the first. */
export interface Invalid {
  readonly faults: readonly FieldFault[];
}
