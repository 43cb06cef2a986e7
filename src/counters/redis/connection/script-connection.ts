import { Redis, ReplyError } from 'ioredis';
import { StoreUnavailable } from '../../../decide/ports.ts';
import type { WarningLogger } from '../../../interfaces/logger.ts';
import { PackedReply } from '../batch/packed-reply.ts';
import type { Script } from '../lua/scripts.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import type { Deadline } from './deadline.ts';
import { formatHost, type Host } from './redis-url.ts';
import { ScriptCommand } from './script-command.ts';
import { ShardClock } from './shard-clock.ts';
import { WarningDeduplicator } from './warning-deduplicator.ts';

export interface ScriptConnectionOptions {
  readonly server: Host;
  readonly settings: ConnectionSettings;
  /** Loaded at each connection, so that a run need not carry its text. */
  readonly scripts: readonly Script[];
  readonly logger: WarningLogger;
  /** Called whenever the connection was closed; it is opened again by itself. */
  readonly onClose?: () => void;
  readonly onBreaker?: BreakerListener | undefined;
}

/** Told when a server is taken for silent and asked no more, but for probes, and when it is asked again. */
export type BreakerListener = (server: string, isOpen: boolean) => void;

/** One run of a script. */
export interface ScriptCall {
  readonly script: Script;
  readonly keys: readonly string[];
  /** ARGV from the second on; the first is the not-after. */
  readonly args: readonly (number | string)[];
  readonly deadline: Deadline;
}

/** A server that answers none of so many is not sent more: it could only throw them away later. */
const MOST_UNANSWERED = 256;
/** Without a pause, a server that refuses to be used would be asked in a tight loop. */
const UNUSABLE_PAUSE_MS = 1000;
/** The first one is slow when it meets a process that is still starting. */
const CLOCK_SAMPLES = 3;

/**
 * Runs scripts on one Redis server. What is asked is sent once or not at all, and what was not executed by its deadline
 * never will be, as each call carries the deadline in the server's own time.
 */
export class ScriptConnection {
  readonly #options: ScriptConnectionOptions;
  readonly #redis: Redis;
  readonly #clock = new ShardClock();
  readonly #breaker = new CircuitBreaker();
  readonly #warnings: WarningDeduplicator;
  #isReady = false;
  #isClosing = false;
  #unanswered = 0;
  #preparation: NodeJS.Timeout | undefined;

  constructor(options: ScriptConnectionOptions) {
    this.#options = options;
    this.#warnings = new WarningDeduplicator(options.logger, { server: formatHost(options.server) });
    this.#redis = new Redis(options.settings);
    this.#redis.on('error', (error: Error) => this.#warn('counters: Redis connection failed', error));
    this.#redis.on('close', () => this.#disconnected());
    this.#redis.on('ready', () => void this.#prepare());
  }

  /** Whether a call would be sent now. */
  get ready(): boolean {
    return this.#isReady;
  }

  /**
   * The script's reply. Rejects with StoreUnavailable when nothing can be sent or it came too late, else with what Redis
   * said (ioredis' ReplyError) or what became of the connection. Takes as long as Redis does: the deadline's `bound` is
   * the caller's. `isAsking`: a slot that is on its way here may be used already (Redis' ASKING).
   */
  async run({ script, keys, args, deadline }: ScriptCall, isAsking = false): Promise<PackedReply> {
    const notAfter = this.#isReady ? this.#clock.toShardTime(deadline.expiresAt) : undefined;
    if (notAfter === undefined) throw new StoreUnavailable('not connected to Redis');
    if (this.#unanswered >= MOST_UNANSWERED) throw new StoreUnavailable('Redis does not answer');
    const rest = [keys.length, ...keys, notAfter, ...args];
    const sentAt = performance.now();
    if (!this.#breaker.allowCall(sentAt)) throw new StoreUnavailable('Redis has been silent of late');
    let isAnswered = false;
    deadline.onExpired(() => {
      if (!isAnswered) this.#gaveUp(sentAt);
    });
    this.#unanswered++;
    try {
      return this.#executed(await this.#send(isAsking, new ScriptCommand('EVALSHA', script.sha, rest)), sentAt);
    } catch (error) {
      // A server that restarted or was flushed has lost the script, so it has executed nothing yet.
      if (!isNoScript(error) || deadline.isExpired) throw error;
      return this.#executed(await this.#send(isAsking, new ScriptCommand('EVAL', script.text, rest)), sentAt);
    } finally {
      this.#unanswered--;
      isAnswered = true;
      // A refusal is an answer too, and a connection that was lost is no longer asked.
      if (!deadline.isExpired) this.#answered();
    }
  }

  /** What the caller of a run that was rejected is told; says in the log what Redis said. */
  toStoreUnavailable(error: unknown): StoreUnavailable {
    if (error instanceof StoreUnavailable) return error;
    if (!isReplyError(error)) return new StoreUnavailable('the connection to Redis was lost');
    this.#warn('counters: Redis refused a batch', error);
    return new StoreUnavailable(`Redis failed: ${error.message}`);
  }

  /** Lets what was sent come back, up to so many ms, then disconnects for good. */
  async close(patienceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#isReady = false;
    const givenUpAt = performance.now() + patienceMs;
    while (this.#unanswered > 0 && performance.now() < givenUpAt) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    clearTimeout(this.#preparation);
    this.#redis.disconnect();
    this.#answered(); // nobody is to be told any more that it is silent
  }

  #send(isAsking: boolean, command: ScriptCommand): Promise<unknown> {
    // It holds for the next command of the connection alone, so both are written at once.
    const asking = isAsking ? this.#redis.asking() : undefined;
    const replying = this.#redis.sendCommand(command) as Promise<unknown>; // of a Command that was given no callback
    return asking === undefined ? replying : replyAfter(asking, replying);
  }

  #executed(bytes: unknown, sentAt: number): PackedReply {
    if (!Buffer.isBuffer(bytes)) throw new StoreUnavailable('Redis replied with something else than the script does');
    const reply = new PackedReply(bytes);
    this.#clock.addSample(sentAt, performance.now(), reply.timeMicros);
    if (reply.isLate) throw new StoreUnavailable('Redis got the batch too late and did not execute it');
    return reply;
  }

  /** Nothing is decided before the server's clock is known, as nothing would keep it from being executed late. */
  async #prepare(): Promise<void> {
    // Who may not load scripts has the first batch do it.
    const loading = this.#options.scripts.map(({ text }) => this.#redis.script('LOAD', text));
    await Promise.allSettled(loading);
    try {
      for (let sample = 0; sample < CLOCK_SAMPLES; sample++) await this.#learnClock();
    } catch (error) {
      if (this.#redis.status !== 'ready') return; // the connection is gone, and another one on its way
      this.#warn('counters: Redis is not usable', error);
      if (!this.#isClosing) this.#preparation = setTimeout(() => this.#redis.disconnect(true), UNUSABLE_PAUSE_MS);
      return;
    }
    this.#isReady = !this.#isClosing;
    this.#answered();
    this.#warnings.reset();
    await this.#warnOfEviction().catch((error: unknown) => {
      this.#warn('counters: cannot tell whether Redis may evict live counters', error);
    });
  }

  async #learnClock(): Promise<void> {
    const sentAt = performance.now();
    const [seconds = 0, microseconds = 0] = (await this.#redis.time()).map(Number);
    this.#clock.addSample(sentAt, performance.now(), seconds * 1_000_000 + microseconds);
  }

  async #warnOfEviction(): Promise<void> {
    const info = await this.#redis.info('memory'); // CONFIG GET is forbidden to most users, and by hosted servers
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'unknown';
    if (policy === 'noeviction') return;
    this.#options.logger.warn(
      { server: formatHost(this.#options.server), maxmemory_policy: policy },
      'counters: Redis may evict live counters, which gives their subjects the whole limit again; ' +
        'set maxmemory-policy to noeviction',
    );
  }

  #gaveUp(sentAt: number): void {
    const { server, logger, onBreaker } = this.#options;
    if (!this.#breaker.recordTimeout(sentAt, performance.now())) return;
    logger.warn({ server: formatHost(server) }, 'counters: Redis is silent; it is only probed until it answers');
    onBreaker?.(formatHost(server), true);
  }

  #answered(): void {
    const { server, onBreaker } = this.#options;
    if (this.#breaker.recordReply(performance.now())) onBreaker?.(formatHost(server), false);
  }

  #disconnected(): void {
    clearTimeout(this.#preparation);
    this.#isReady = false;
    this.#clock.reset(); // the next server behind the address may have another clock
    if (!this.#isClosing) this.#options.onClose?.();
  }

  #warn(message: string, error: unknown): void {
    if (!this.#isClosing) this.#warnings.warn(message, error);
  }
}

async function replyAfter(asking: Promise<unknown>, replying: Promise<unknown>): Promise<unknown> {
  const [asked, reply] = await Promise.allSettled([asking, replying]);
  if (reply.status === 'fulfilled') return reply.value;
  throw asked.status === 'rejected' ? asked.reason : reply.reason;
}

function isReplyError(error: unknown): error is Error {
  return error instanceof ReplyError;
}

function isNoScript(error: unknown): boolean {
  return isReplyError(error) && error.message.startsWith('NOSCRIPT');
}
