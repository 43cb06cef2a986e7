import { type EntityManager, OptimisticLockError } from '@mikro-orm/core';
import { ApiError } from '../../domain/api-error.ts';

/** The row's version in quotes, as RFC 9110 writes strong entity tags. */
export function formatEtag(row: { readonly version: number }): string {
  return `"${row.version}"`;
}

/**
 * Throws `conflict` if the resource of an update request has an etag other than the row's. An empty etag always passes.
 */
export function requireCurrentEtag(
  resource: { readonly name: string; readonly etag: string },
  row: { readonly version: number },
): void {
  if (resource.etag !== '' && resource.etag !== formatEtag(row)) {
    throw new ApiError({ kind: 'conflict', name: resource.name });
  }
}

/** Writes the changed rows. Throws `conflict` if another call has written one of them since it was read. */
export async function flushOrConflict(em: EntityManager, name: string): Promise<void> {
  try {
    await em.flush();
  } catch (error) {
    if (error instanceof OptimisticLockError) throw new ApiError({ kind: 'conflict', name });
    throw error;
  }
}
