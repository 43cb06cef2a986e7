import { clientNetwork } from '../domain/credentials/client-network.ts';

const MINUTE_MS = 60_000;
/** New devices of one network in a minute. Many people may share an address. */
export const MAX_NEW_DEVICES_PER_NETWORK = 60;
/** New devices of this node in a minute. It also bounds the networks that are counted. */
export const MAX_NEW_DEVICES = 6_000;

/**
 * Bounds how many devices a node registers in a minute, in total and for each network. Clients make up names of devices,
 * so that otherwise one of them could fill the database.
 */
export class RegistrationLimits {
  /** By network of the client. */
  readonly #counts = new Map<string, number>();
  #total = 0;
  /** Counted since 1970. */
  #minute = 0;

  /** Counts a new device. Returns which bound it exceeds; undefined: none. `now` is Unix time in ms. */
  count(sourceAddress: string | undefined, now: number): 'network' | 'node' | undefined {
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#total = 0;
      this.#counts.clear();
    }
    const network = sourceAddress === undefined ? '' : clientNetwork(sourceAddress);
    const ofNetwork = this.#counts.get(network) ?? 0;
    if (ofNetwork >= MAX_NEW_DEVICES_PER_NETWORK) return 'network';
    if (this.#total >= MAX_NEW_DEVICES) return 'node';
    this.#counts.set(network, ofNetwork + 1);
    this.#total++;
    return undefined;
  }
}
