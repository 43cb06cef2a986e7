import { randomUUID } from 'node:crypto';
import type { CatalogReplica } from '../../catalog/feed/replica.ts';
import type { Config } from '../../config/config.ts';
import type { DatabaseAccess } from '../../database/connection/database-access.ts';
import { openConnection } from '../../database/open-connection.ts';
import { hashDevice } from '../../identity/secrets/hash-device.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { NodeDeviceRegistry } from '../../usage/device-registry.ts';
import { type LastUsed, startLastUsed } from '../../usage/last-used.ts';
import { type LimitThresholds, startLimitThresholds } from '../../usage/limit-thresholds.ts';
import { startDeviceRegistry } from '../../usage/start-device-registry.ts';
import { findFormerFiles, UsageFile } from '../../usage/usage-file.ts';
import { startUsageRecorder, type UsageRecorder } from '../../usage/usage-recorder.ts';

const TIMEOUT_MS = 30_000;

interface RecordingParts {
  readonly access: DatabaseAccess;
  readonly catalog: Pick<CatalogReplica, 'devices'>;
  readonly stopTimeoutMs: number;
}

/** Parts that record what decisions are about. */
export interface RecordedUse {
  readonly lastUsed: LastUsed;
  readonly devices: NodeDeviceRegistry | undefined;
  readonly usage: UsageRecorder;
  readonly thresholds: LimitThresholds;
}

/**
 * Starts to record usage, when API keys and devices are used, and which shares of limits were reached. `stopTimeoutMs` is the
 * time that a stop waits for the last write of usage.
 */
export async function startRecordingUse(
  { devices: { registration }, dataDir, worker, workers, usage: { flushIntervalMs } }: Config,
  { access, catalog, stopTimeoutMs }: RecordingParts,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<RecordedUse> {
  const { query, close } = openConnection({ ...access, timeoutMs: TIMEOUT_MS });
  resources.defer(close);
  const lastUsed = startLastUsed({ query, log });
  resources.defer(() => lastUsed.stop());
  const formerFiles = worker === 1 ? await findFormerFiles(dataDir, workers) : [];
  const recording = await startUsageRecorder(
    { node: randomUUID(), query, file: new UsageFile(dataDir, worker), formerFiles, log },
    { intervalMs: flushIntervalMs, stopTimeoutMs },
  );
  resources.defer(() => recording.stop());
  const { recorder: usage } = recording;
  const thresholds = startLimitThresholds({ query, log });
  resources.defer(() => thresholds.stop());
  if (registration === 'off') return { lastUsed, devices: undefined, usage, thresholds };
  const devices = startDeviceRegistry({ registration, catalog, hash: hashDevice, query, log });
  resources.defer(() => devices.stop());
  return { lastUsed, devices, usage, thresholds };
}
