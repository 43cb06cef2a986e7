import { setTimeout as sleep } from 'node:timers/promises';
import { type DeviceRegistryOptions, NodeDeviceRegistry } from './device-registry.ts';

/** New devices are written soon, so that all nodes count them. */
const NEW_DEVICES_INTERVAL_MS = 1_000;
/** Nodes that started together do not stay together. */
const MIN_USES_INTERVAL_MS = 45_000;
const MAX_USES_INTERVAL_MS = 75_000;
const STOP_TIMEOUT_MS = 5_000;

/** Starts to write new devices each second, and the requests of devices about once a minute. `stop` writes once more. */
export function startDeviceRegistry(options: DeviceRegistryOptions): NodeDeviceRegistry & { stop(): Promise<void> } {
  const registry = new NodeDeviceRegistry(options);
  const stopping = new AbortController();
  const writing = keepWriting(registry, stopping.signal);
  const stop = async () => {
    stopping.abort();
    const lastWrite = writing.then(() => registry.writeNewDevices()).then(() => registry.writeUses());
    // Postgres may be away. A process that stops must not wait for it.
    await Promise.race([lastWrite, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  };
  return Object.assign(registry, { stop });
}

async function keepWriting(registry: NodeDeviceRegistry, signal: AbortSignal): Promise<void> {
  let nextUsesAt = nextUses();
  for (;;) {
    await sleep(NEW_DEVICES_INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {}); // aborting ends the loop
    if (signal.aborted) return;
    await registry.writeNewDevices();
    if (performance.now() < nextUsesAt) continue;
    await registry.writeUses();
    nextUsesAt = nextUses();
  }
}

/** On the clock of performance.now(). */
function nextUses(): number {
  return performance.now() + MIN_USES_INTERVAL_MS + Math.random() * (MAX_USES_INTERVAL_MS - MIN_USES_INTERVAL_MS);
}
