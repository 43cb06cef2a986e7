import { type EntityManager, OptimisticLockError } from '@mikro-orm/core';
import { ProblemError } from '../../domain/api-error.ts';

/** Quoted, as RFC 9110 writes strong entity tags. */
export function etagOf(row: { readonly version: number }): string {
  return `"${row.version}"`;
}

/** Throws `conflict` when an etag was sent and is not the current one. */
export function checkEtag(
  given: { readonly name: string; readonly etag: string },
  row: { readonly version: number },
): void {
  if (given.etag !== '' && given.etag !== etagOf(row)) throw new ProblemError({ kind: 'conflict', name: given.name });
}

/** Writes what was changed; `conflict` when somebody else wrote since it was read. */
export async function flushVersioned(em: EntityManager, name: string): Promise<void> {
  try {
    await em.flush();
  } catch (error) {
    if (error instanceof OptimisticLockError) throw new ProblemError({ kind: 'conflict', name });
    throw error;
  }
}
