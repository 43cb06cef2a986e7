import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Origin of the server that creates databases: see shared-postgres.ts. */
    databases: string;
  }
}

/** Creates a database with the current schema and no rows, and returns its URL. The end of the test run drops it. */
export function newDatabase(): Promise<string> {
  return create('migrated');
}

/** Creates a database without a schema and returns its URL. The end of the test run drops it. */
export function newEmptyDatabase(): Promise<string> {
  return create('empty');
}

async function create(kind: string): Promise<string> {
  const response = await fetch(`${inject('databases')}/${kind}`, { method: 'POST' });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}
