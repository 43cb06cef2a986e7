import { MessageCache } from '../../collections/message-cache.ts';
import type { PreparedDecision } from '../decide-batch.ts';
import type { Catalog } from '../ports.ts';
import { PLANS_DOMAIN, prepareRateLimit } from './prepare-rate-limit.ts';
import { PreparedRateLimit } from './prepared-rate-limit.ts';
import type { RateLimitVerdict } from './rate-limit-verdict.ts';
import { EMPTY_RULE_BOOK, type RuleBook } from '../../domain/rules/rule-book.ts';
import { decodeRateLimitRequest } from '../../envoy/rate-limit/rate-limit-request.ts';

/**
 * Reads RateLimitRequests and thinks them through. What rules make of a request hangs on nothing but its bytes, and Envoy
 * sends the same ones for the same client: so of those that come again it is kept, with the charges, by which the store
 * finds counters again.
 */
export class PreparedRateLimitCache {
  readonly #rules: { readonly book: RuleBook };
  readonly #catalog: Catalog;
  readonly #known = new MessageCache<PreparedRateLimit>();
  /** What is known was made of it. */
  #book = EMPTY_RULE_BOOK;

  constructor(rules: { readonly book: RuleBook }, catalog: Catalog) {
    this.#rules = rules;
    this.#catalog = catalog;
  }

  /** Throws InvalidRequest. `now` is Unix time in ms. */
  prepare(message: Uint8Array, now: number): PreparedDecision<RateLimitVerdict> {
    const { book } = this.#rules;
    if (book !== this.#book) {
      this.#book = book;
      this.#known.clear();
    }
    const known = this.#known.get(message);
    if (known !== undefined) return known;
    const question = decodeRateLimitRequest(message);
    const considered = prepareRateLimit(question, book, this.#catalog, now);
    // Plans may be others by the next time, and a receipt is good once.
    const isLasting = question.domain !== PLANS_DOMAIN && considered.redemptions === undefined;
    if (isLasting && considered instanceof PreparedRateLimit && this.#known.offer(message, considered)) {
      for (const charge of considered.charges) charge.storeHandle = null;
    }
    return considered;
  }
}
