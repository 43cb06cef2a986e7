import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import type { WarningLogger } from '../../core/logger.ts';
import { StoreUnavailable } from '../../decide/ports.ts';
import { PackedReply } from './packed-reply.ts';
import { ShardClock } from './shard-clock.ts';

export interface ScriptConnectionOptions {
  /** `redis://` or `rediss://`, with user, password and database if need be. */
  readonly url: string;
  /** Its ARGV[1] is a not-after, its reply a PackedReply. */
  readonly script: string;
  /** After so many ms without a reply a run is given up. */
  readonly deadlineMs: number;
  readonly logger: WarningLogger;
}

/** A server that answers none of so many is not sent more: it could only throw them away later. */
const MOST_UNANSWERED = 256;
const CONNECT_TIMEOUT_MS = 1000;
/** A server that is silent for so long is left: after a failover its address may lead elsewhere. */
const SILENCE_MS = 2000;
const LONGEST_BACKOFF_MS = 1000;
/** The first one is slow when it meets a process that is still starting. */
const CLOCK_SAMPLES = 3;

/**
 * Runs one script on one Redis server. What is asked is sent once or not at all, and what was not executed by its
 * deadline never will be, as each call carries the deadline in the server's own time.
 */
export class ScriptConnection {
  readonly #options: ScriptConnectionOptions;
  readonly #sha: string;
  readonly #redis: Redis;
  readonly #clock = new ShardClock();
  #isReady = false;
  #isClosing = false;
  #unanswered = 0;
  #lastWarning = '';
  #preparation: NodeJS.Timeout | undefined;

  constructor(options: ScriptConnectionOptions) {
    this.#options = options;
    this.#sha = createHash('sha1').update(options.script).digest('hex');
    this.#redis = new Redis(options.url, {
      // A charge that is sent again may count twice; one that waits is decided when nobody asks any more.
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_MS,
      retryStrategy: backoffMs,
      reconnectOnError: (error) => error.message.startsWith('READONLY'), // a failover made this server a replica
      connectionName: 'weir',
    });
    this.#redis.on('error', (error: Error) => this.#warn('counters: Redis connection failed', error));
    this.#redis.on('close', () => this.#disconnected());
    this.#redis.on('ready', () => void this.#prepare());
  }

  /** Whether a run would be sent now. */
  get ready(): boolean {
    return this.#isReady;
  }

  /** The script's reply; rejects with StoreUnavailable at the deadline, or at once when nothing can be sent. */
  run(keys: readonly string[], args: readonly (number | string)[]): Promise<PackedReply> {
    const sentAt = performance.now();
    const notAfter = this.#isReady ? this.#clock.atShard(sentAt + this.#options.deadlineMs) : undefined;
    if (notAfter === undefined) return Promise.reject(new StoreUnavailable('not connected to Redis'));
    if (this.#unanswered >= MOST_UNANSWERED) return Promise.reject(new StoreUnavailable('Redis does not answer'));
    return new Promise((resolve, reject) => {
      let isOver = false;
      const giveUp = () => {
        isOver = true;
        reject(new StoreUnavailable(`no reply from Redis within ${this.#options.deadlineMs} ms`));
      };
      // After timers the event loop reads sockets, then come immediates: a reply that was waiting while this process
      // was busy, or stopped, still counts.
      let immediate: NodeJS.Immediate | undefined;
      const timer = setTimeout(() => {
        immediate = setImmediate(giveUp);
      }, this.#options.deadlineMs);
      this.#send(keys, [notAfter, ...args], () => isOver)
        .then((reply) => resolve(this.#executed(reply, sentAt)))
        .catch((error: Error) => reject(this.#failure(error)))
        .finally(() => {
          clearTimeout(timer);
          clearImmediate(immediate);
        });
    });
  }

  /** Lets what was sent come back, up to the deadline, then disconnects for good. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#isReady = false;
    const givenUpAt = performance.now() + this.#options.deadlineMs;
    while (this.#unanswered > 0 && performance.now() < givenUpAt) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    clearTimeout(this.#preparation);
    this.#redis.disconnect();
  }

  async #send(keys: readonly string[], args: readonly (number | string)[], isOver: () => boolean): Promise<unknown> {
    this.#unanswered++;
    try {
      return await this.#redis.callBuffer('EVALSHA', this.#sha, keys.length, ...keys, ...args);
    } catch (error) {
      // A server that restarted or was flushed has lost the script, so it has executed nothing yet.
      if (!isNoScript(error) || isOver()) throw error;
      return await this.#redis.callBuffer('EVAL', this.#options.script, keys.length, ...keys, ...args);
    } finally {
      this.#unanswered--;
    }
  }

  #executed(bytes: unknown, sentAt: number): PackedReply {
    if (!Buffer.isBuffer(bytes)) throw new StoreUnavailable('Redis replied with something else than the script does');
    const reply = new PackedReply(bytes);
    this.#clock.learn(sentAt, performance.now(), reply.time);
    if (reply.isLate) throw new StoreUnavailable('Redis got the batch too late and did not execute it');
    return reply;
  }

  #failure(error: Error): StoreUnavailable {
    if (error instanceof StoreUnavailable) return error;
    this.#warn('counters: Redis refused a batch', error);
    return new StoreUnavailable(`Redis failed: ${error.message}`);
  }

  /** Nothing is decided before the shard's clock is known, as nothing would keep it from being executed late. */
  async #prepare(): Promise<void> {
    // Who may not load scripts has the first batch do it.
    await this.#redis.script('LOAD', this.#options.script).catch(() => undefined);
    try {
      for (let sample = 0; sample < CLOCK_SAMPLES; sample++) await this.#learnClock();
    } catch (error) {
      this.#warn('counters: Redis is not usable', error);
      // Without a pause, a server that refuses to be used would be asked in a tight loop.
      if (!this.#isClosing) this.#preparation = setTimeout(() => this.#redis.disconnect(true), LONGEST_BACKOFF_MS);
      return;
    }
    this.#isReady = !this.#isClosing;
    this.#lastWarning = '';
    await this.#warnOfEviction().catch((error: unknown) => {
      this.#warn('counters: cannot tell whether Redis may evict live counters', error);
    });
  }

  async #learnClock(): Promise<void> {
    const sentAt = performance.now();
    const [seconds = 0, microseconds = 0] = (await this.#redis.time()).map(Number);
    this.#clock.learn(sentAt, performance.now(), seconds * 1_000_000 + microseconds);
  }

  async #warnOfEviction(): Promise<void> {
    const info = await this.#redis.info('memory'); // CONFIG GET is forbidden to most users, and by hosted servers
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'unknown';
    if (policy === 'noeviction') return;
    this.#options.logger.warn(
      { maxmemory_policy: policy },
      'counters: Redis may evict live counters, which gives their subjects the whole limit again; ' +
        'set maxmemory-policy to noeviction',
    );
  }

  #disconnected(): void {
    clearTimeout(this.#preparation);
    this.#isReady = false;
    this.#clock.forget(); // the next server behind the address may have another clock
  }

  /** Once for each reason: reconnecting goes on for as long as the server is away. */
  #warn(message: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : 'unknown';
    if (this.#isClosing || reason === this.#lastWarning) return;
    this.#lastWarning = reason;
    this.#options.logger.warn({ reason }, message);
  }
}

/** 20 ms at first, doubled up to a second, with half of it by chance: nodes do not come back all at once. */
function backoffMs(attempt: number): number {
  const longest = Math.min(LONGEST_BACKOFF_MS, 20 * 2 ** Math.min(attempt, 10));
  return longest / 2 + Math.random() * (longest / 2);
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
