import { createHash } from 'node:crypto';

/** Hex digits of a version: enough to tell any two sets of rules apart that somebody compares. */
const VERSION_LENGTH = 16;

/**
 * Computes the version of rules from the texts of their files, in order: equal texts have equal versions, on every node and
 * wherever the files are.
 */
export class RulesVersion {
  readonly #hash = createHash('sha256');

  add(text: string): void {
    // The length keeps two files apart from one with both texts.
    this.#hash.update(`${text.length} `).update(text);
  }

  /** 16 hex digits. Call it once. */
  digest(): string {
    return this.#hash.digest('hex').slice(0, VERSION_LENGTH);
  }
}
