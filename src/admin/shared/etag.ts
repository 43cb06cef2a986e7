import { type EntityManager, OptimisticLockError } from '@mikro-orm/core';
import { ApiError } from '../../domain/api-error.ts';

/** Quoted, as RFC 9110 writes strong entity tags. */
export function formatEtag(row: { readonly version: number }): string {
  return `"${row.version}"`;
}

/** Throws `conflict` when an etag was sent and is not the current one. */
export function checkEtag(
  given: { readonly name: string; readonly etag: string },
  row: { readonly version: number },
): void {
  if (given.etag !== '' && given.etag !== formatEtag(row)) throw new ApiError({ kind: 'conflict', name: given.name });
}

/** Writes what was changed; `conflict` when somebody else wrote since it was read. */
export async function flushOrConflict(em: EntityManager, name: string): Promise<void> {
  try {
    await em.flush();
  } catch (error) {
    if (error instanceof OptimisticLockError) throw new ApiError({ kind: 'conflict', name });
    throw error;
  }
}
