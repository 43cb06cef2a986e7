import type { Registry } from 'prom-client';
import { registerTotals } from '../read-at-scrape.ts';

/**
 * Registers the metric that counts the devices which were new to this node, by what became of them. `devices` is
 * undefined where devices are not looked up.
 */
export function registerDeviceMetrics(
  registry: Registry,
  devices: { readonly results: ReadonlyMap<string, number> } | undefined,
): void {
  registerTotals(
    registry,
    {
      name: 'weir_device_registrations_total',
      help: 'Devices that Check saw for the first time, by whether it registered them or which bound prevented it.',
      label: 'result',
    },
    () => devices?.results ?? [],
  );
}
