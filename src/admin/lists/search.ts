/** An SQL condition with `?` for its parameters. */
export interface SqlCondition {
  readonly sql: string;
  readonly parameters: readonly string[];
}

/**
 * A condition that an index can answer, but whose number of rows Postgres cannot estimate. Depending on that number, it
 * must be read from the index or tested on rows of the list (`findPage`).
 */
export class Search {
  /** Uses the index. */
  readonly indexed: SqlCondition;
  /** Matches the same rows without the index, and costs little per row. */
  readonly tested: SqlCondition;

  constructor(indexed: SqlCondition, tested: SqlCondition) {
    this.indexed = indexed;
    this.tested = tested;
  }
}
