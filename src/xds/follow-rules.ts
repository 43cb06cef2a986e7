import { EMPTY_RULE_BOOK, type RuleBook } from '../domain/rules/rule-book.ts';
import type { DiscoveryResponse } from '../generated/envoy/service/discovery/v3/discovery.ts';
import { LimitInterner } from '../rules/load/limit-interner.ts';
import { loadRulesInWorker } from '../rules/load/load-in-worker.ts';
import { InvalidRules } from '../rules/load/load-rules.ts';
import type { RulesFolderOptions } from '../rules/load/rules-folder.ts';
import { AdsClient, type AdsClientOptions } from './ads-client.ts';
import { formatRulesTexts, InvalidResource } from './rules-texts.ts';

export interface FollowRulesOptions extends Omit<AdsClientOptions, 'load'> {
  readonly folder: RulesFolderOptions;
  /** Called after each response. `isSuccess` is false when it was rejected. */
  readonly onLoad: (isSuccess: boolean) => void;
}

/** Rules that a management server sends. */
export interface FollowedRules {
  /** The book in force. A response replaces it; a book itself never changes. Empty until the first one. */
  readonly book: RuleBook;
  /** Resolves once rules of the server are in force. */
  readonly loaded: Promise<void>;
  stop(): void;
}

/** Follows the rules of a management server. */
export function followRules(options: FollowRulesOptions): FollowedRules {
  const follower = new RulesFollower(options);
  follower.start();
  return follower;
}

class RulesFollower implements FollowedRules {
  readonly #options: FollowRulesOptions;
  readonly #client: AdsClient;
  readonly #loaded = Promise.withResolvers<void>();
  /** Has the limits of the book. */
  #interner = new LimitInterner();
  #loading: Promise<unknown> = Promise.resolve();
  book: RuleBook = EMPTY_RULE_BOOK;

  constructor(options: FollowRulesOptions) {
    this.#options = options;
    this.#client = new AdsClient({ ...options, load: (response) => this.#loadInOrder(response) });
  }

  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  start(): void {
    this.#client.start();
  }

  stop(): void {
    this.#client.stop();
  }

  /** A response of the stream before may still be loading. */
  #loadInOrder(response: DiscoveryResponse): Promise<string | undefined> {
    const loading = this.#loading.then(() => this.#load(response));
    this.#loading = loading;
    return loading;
  }

  /** Resolves with the faults of the response; undefined: its rules are in force. Never rejects. */
  async #load({ resources, versionInfo: version }: DiscoveryResponse): Promise<string | undefined> {
    const { folder, log, onLoad } = this.#options;
    const interner = new LimitInterner(this.#interner);
    try {
      const { book } = await loadRulesInWorker({ texts: formatRulesTexts(resources), options: folder }, interner);
      this.book = book;
      this.#interner = interner;
      interner.dropPrevious();
      log.info({ version, domains: [...book.keys()] }, 'rules received');
      onLoad(true);
      this.#loaded.resolve();
      return undefined;
    } catch (error) {
      const isExpected = error instanceof InvalidRules || error instanceof InvalidResource;
      const message = isExpected ? error.message : 'the rules could not be loaded';
      log.error(
        isExpected ? { version, faults: message.split('\n').slice(0, MAX_LOGGED_FAULTS) } : { version, err: error },
        'rules of the server were rejected; the previous rules stay in force',
      );
      onLoad(false);
      return message;
    }
  }
}

/** A response can have thousands of faults, too many for one log line. */
const MAX_LOGGED_FAULTS = 20;
