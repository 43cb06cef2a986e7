/** Runs one SQL statement and returns its rows unparsed. Parameters are written as `?`. */
export type Query = (sql: string, parameters: readonly unknown[]) => Promise<readonly unknown[]>;

/**
 * Runs `read` in a transaction on a connection of its own: all its statements see the same state of the database.
 * Statements of others do not wait for it.
 */
export type ReadConsistently = <T>(read: (query: Query) => Promise<T>) => Promise<T>;
