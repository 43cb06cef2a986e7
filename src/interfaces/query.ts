/** Runs one statement and gives its rows as they are; parameters are written `?`. */
export type Query = (sql: string, parameters: readonly unknown[]) => Promise<readonly unknown[]>;
