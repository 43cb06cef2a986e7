import { CommandFailed } from '../../commands/command-failed.ts';
import { readAccessChanges } from '../../commands/read-access-changes.ts';
import { createQuery, openDatabase } from '../../database/open-database.ts';
import { findRestoredAccess } from '../../database/statements/find-restored-access.ts';
import type { AccessChange } from '../../domain/access-change.ts';
import { firstLine } from '../../telemetry/logger.ts';

/** What `weir restore-check` prints, and whether all that the logs say is in force. */
export interface RestoreReport {
  readonly text: string;
  readonly isInForce: boolean;
}

/**
 * Compares what logs say about deleted, disabled, blocked and revoked credentials, accounts and devices with the database.
 * Changes nothing. Throws CommandFailed if there is no database or a file is not a log.
 */
export async function checkRestore(databaseUrl: string | undefined, files: readonly string[]): Promise<RestoreReport> {
  if (databaseUrl === undefined) throw new CommandFailed('DATABASE_URL: must be set to the restored database');
  const logged = (await readAccessChanges(files)).filter(({ change }) => takesAccess(change));
  const restored = await compareWithDatabase(
    databaseUrl,
    logged.map(({ change }) => change),
  );
  const lines = logged.map(({ change, time }) => {
    const verdict = restored.has(change) ? 'NOT IN FORCE' : 'in force    ';
    return `${verdict}  ${time}  ${formatChange(change)}\n`;
  });
  return { text: lines.join('') + formatSummary(restored.size, logged.length), isInForce: restored.size === 0 };
}

function takesAccess({ state, expiresAt }: AccessChange): boolean {
  return state !== 'enabled' && state !== 'unblocked' && !(state === 'expires' && expiresAt === null);
}

async function compareWithDatabase(url: string, changes: readonly AccessChange[]): Promise<ReadonlySet<AccessChange>> {
  const database = await openDatabase({ url });
  try {
    return await findRestoredAccess(createQuery(database), changes, Date.now());
  } catch (error) {
    throw new CommandFailed(`DATABASE_URL: ${firstLine(error instanceof Error ? error.message : String(error))}`);
  } finally {
    await database.close(true);
  }
}

function formatChange({ entity, id, state, expiresAt, kind, value, issuerId }: AccessChange): string {
  if (entity === 'revocation') {
    const subject = kind === 'account' ? `the tokens of the account ${value}` : `the ${kind} ${value}`;
    return `${subject}${issuerId == null ? '' : ` of issuers/${issuerId}`}: revoked`;
  }
  const time =
    (state === 'expires' || state === 'blocked') && expiresAt != null ? ` ${new Date(expiresAt).toISOString()}` : '';
  return `${formatName(entity, id)}: ${state}${time}`;
}

function formatName(entity: Exclude<AccessChange['entity'], 'revocation'>, id: string): string {
  // The id of a device has its account before the slash.
  if (entity === 'device') return id.startsWith('/') ? `devices${id}` : `accounts/${id.replace('/', '/devices/')}`;
  const collections = { api_key: 'apiKeys', issuer: 'issuers', signing_key: 'signingKeys', account: 'accounts' };
  return `${collections[entity]}/${id}`;
}

function formatSummary(restored: number, all: number): string {
  if (all === 0) return 'the logs name nothing that was deleted, disabled, blocked or revoked\n';
  return restored === 0 ? `all ${all} are in force\n` : `${restored} of ${all} are not in force: these work again\n`;
}
