/** Runs one SQL statement and returns its rows unparsed. Parameters are written as `?`. */
export type Query = (sql: string, parameters: readonly unknown[]) => Promise<readonly unknown[]>;
