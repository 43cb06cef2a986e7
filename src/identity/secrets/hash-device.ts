import { hash } from 'node:crypto';
import { MAX_DEVICE_LENGTH } from '../../domain/rules/reserved-domains.ts';

/** Digits of the id of a device. */
const DEVICE_ID_LENGTH = 32;

/**
 * Returns the id of the device that a header names: the first half of its SHA-256 in hex. Clients send any text, which
 * must not become the name of a resource. Longer texts are cut off, as in the domain `edge`.
 */
export function hashDevice(header: string): string {
  return hash('sha256', header.slice(0, MAX_DEVICE_LENGTH), 'hex').slice(0, DEVICE_ID_LENGTH);
}
