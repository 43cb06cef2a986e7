import { type Redis, ReplyError } from 'ioredis';
import { StoreUnavailable } from '../../../decide/ports.ts';
import type { StoreLogger } from '../../../interfaces/logger.ts';
import { PackedReply } from '../batch/packed-reply.ts';
import type { Script, ScriptArguments } from '../lua/scripts.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import type { Deadline } from './deadline.ts';
import { findLatePart, type LateReplyListener } from './late-part.ts';
import { openClient } from './open-client.ts';
import { type PersistenceListener, readPersistence } from './persistence.ts';
import { formatHost, type Host } from './redis-url.ts';
import { ScriptCommand } from './script-command.ts';
import { ShardClock } from './shard-clock.ts';
import { WarningDeduplicator } from './warning-deduplicator.ts';

/** Listeners to the connections of a store. */
export interface ConnectionListeners {
  /** Called whenever a connection has become ready, the first time too, or calls of some groups go to another master. */
  readonly onReady?: (() => void) | undefined;
  readonly onBreaker?: BreakerListener | undefined;
  readonly onPersistence?: PersistenceListener | undefined;
  readonly onLateReply?: LateReplyListener | undefined;
  /** Called for each reply, with the time in ms since its call was sent. */
  readonly onReply?: ((roundTripMs: number) => void) | undefined;
}

export interface ScriptConnectionOptions extends ConnectionListeners {
  readonly server: Host;
  readonly settings: ConnectionSettings;
  /** Loaded into the server on each connection, so that a call does not have to carry its text. */
  readonly scripts: readonly Script[];
  readonly logger: StoreLogger;
  /** Called whenever the connection closes. It reconnects by itself. */
  readonly onClose?: () => void;
}

/** Called when a server's circuit breaker opens, so that the server gets only probes, and when it closes again. */
export type BreakerListener = (server: string, isOpen: boolean) => void;

/** One call of a script. */
export interface ScriptCall {
  readonly script: Script;
  readonly scriptArguments: ScriptArguments;
  readonly deadline: Deadline;
}

/** A server with this many unanswered calls gets no more: it could only discard them later. */
const MAX_UNANSWERED_CALLS = 256;
/** Time until a connection is opened again to a server that does not allow Weir's commands. Prevents a tight loop. */
const UNUSABLE_RETRY_DELAY_MS = 1000;
/** The first sample is slow if this process is still starting. */
const CLOCK_SAMPLE_COUNT = 3;

/**
 * The server executed nothing, because its history is another one than the node has seen: it has lost a part of it, or
 * another node has noticed that it had (lua/parts/check-history.lua).
 */
export class OtherHistory extends StoreUnavailable {}

let lastIncarnation = 0;

/**
 * Runs scripts on one Redis server. A call is sent once or not at all. A call that the server did not execute by its
 * deadline is never executed, because each call carries the deadline in the server's own time.
 */
export class ScriptConnection {
  readonly #options: ScriptConnectionOptions;
  readonly #redis: Redis;
  readonly #clock = new ShardClock();
  readonly #breaker = new CircuitBreaker();
  readonly #warnings: WarningDeduplicator;
  #isReady = false;
  #incarnation = 0;
  /** Whether the connection was ready before. */
  #wasReady = false;
  #isClosing = false;
  #unansweredCalls = 0;
  #reconnectTimer: NodeJS.Timeout | undefined;

  constructor(options: ScriptConnectionOptions) {
    this.#options = options;
    this.#warnings = new WarningDeduplicator(options.logger, { server: formatHost(options.server) });
    this.#redis = openClient(options.settings);
    this.#redis.on('error', (error: Error) => this.#warn('counters: Redis connection failed', error));
    this.#redis.on('close', () => this.#handleClose());
    this.#redis.on('ready', () => void this.#prepare());
  }

  /** Whether a call would be sent now. */
  get ready(): boolean {
    return this.#isReady;
  }

  /** Changes each time the connection becomes ready. No two connections of this process have the same. 0: it never was. */
  get incarnation(): number {
    return this.#incarnation;
  }

  /** Whether `run` would send a call now, as a probe if the circuit breaker is open. */
  get canSend(): boolean {
    return (
      this.#isReady && this.#unansweredCalls < MAX_UNANSWERED_CALLS && this.#breaker.wouldAllowCall(performance.now())
    );
  }

  /**
   * Runs a script and returns its reply. Rejects with StoreUnavailable when nothing can be sent or the server got the call
   * too late, with ioredis' ReplyError when Redis rejects the call, and with another error when the connection is lost.
   * Does not stop at the deadline: the caller enforces it.
   *
   * @param isAsking Whether to send ASKING first, for a slot that is migrating to this server.
   */
  async run({ script, scriptArguments, deadline }: ScriptCall, isAsking = false): Promise<PackedReply> {
    const notAfter = this.#isReady ? this.#clock.toShardTime(deadline.executableUntil) : undefined;
    if (notAfter === undefined) throw new StoreUnavailable('not connected to Redis', 'disconnected');
    if (this.#unansweredCalls >= MAX_UNANSWERED_CALLS) throw new StoreUnavailable('Redis does not answer', 'silent');
    const { keys, args } = scriptArguments;
    const commandArgs = [keys.length, ...keys, notAfter, ...args];
    const sentAt = performance.now();
    if (!this.#breaker.allowCall(sentAt))
      throw new StoreUnavailable('the circuit breaker of this Redis is open', 'silent');
    let isAnswered = false;
    deadline.onExpired(() => {
      if (!isAnswered) this.#recordTimeout(sentAt);
    });
    this.#unansweredCalls++;
    try {
      const command =
        script.keepsOrder === true
          ? new ScriptCommand('EVAL', script.text, commandArgs)
          : new ScriptCommand('EVALSHA', script.sha, commandArgs);
      return this.#parseReply(await this.#send(isAsking, command), sentAt, deadline);
    } catch (error) {
      // A server that restarted or was flushed has lost the script, so it has executed nothing yet.
      if (!isNoScript(error) || deadline.isExpired) throw error;
      const command = new ScriptCommand('EVAL', script.text, commandArgs);
      return this.#parseReply(await this.#send(isAsking, command), sentAt, deadline);
    } finally {
      this.#unansweredCalls--;
      isAnswered = true;
      // An error is a reply too, and a lost connection gets no more calls.
      if (deadline.isExpired) this.#breaker.recordLateReply();
      else this.#recordReply();
    }
  }

  /** Converts an error of `run` for the caller. Logs an error that Redis replied with. */
  toStoreUnavailable(error: unknown): StoreUnavailable {
    if (error instanceof StoreUnavailable) return error;
    if (!isReplyError(error)) return new StoreUnavailable('the connection to Redis was lost', 'disconnected');
    this.#warn('counters: Redis refused a batch', error);
    return new StoreUnavailable(`Redis failed: ${error.message}`);
  }

  /** Waits up to `patienceMs` for the replies to what was sent, then disconnects for good. */
  async close(patienceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#isReady = false;
    const giveUpAt = performance.now() + patienceMs;
    while (this.#unansweredCalls > 0 && performance.now() < giveUpAt) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    clearTimeout(this.#reconnectTimer);
    this.#redis.disconnect();
    this.#recordReply(); // a closed connection must not stay reported as silent
  }

  #send(isAsking: boolean, command: ScriptCommand): Promise<unknown> {
    // ASKING applies to the connection's next command only, so both are written at once.
    const asking = isAsking ? this.#redis.asking() : undefined;
    const reply = this.#redis.sendCommand(command) as Promise<unknown>; // a Command without a callback returns a promise
    return asking === undefined ? reply : awaitBoth(asking, reply);
  }

  #parseReply(bytes: unknown, sentAt: number, deadline: Deadline): PackedReply {
    if (!Buffer.isBuffer(bytes))
      throw new StoreUnavailable('Redis replied with something that the script does not return');
    const reply = new PackedReply(bytes);
    const now = performance.now();
    this.#clock.addSample(sentAt, now, reply.timeMicros);
    this.#options.onReply?.(now - sentAt);
    if (reply.isLate || deadline.isExpired) this.#reportLateReply(reply, deadline);
    if (reply.isLate) throw new StoreUnavailable('Redis got the batch too late and did not execute it', 'deadline');
    if (reply.isOfOtherHistory) throw new OtherHistory('Redis has another history of these counters', 'silent');
    return reply;
  }

  #reportLateReply({ timeMicros }: PackedReply, { noticedAfterMs, expiresAt }: Deadline): void {
    const executedAt = this.#clock.toLocalTime(timeMicros) ?? expiresAt;
    this.#options.onLateReply?.(findLatePart({ noticedAfterMs, expiresAt, executedAt }));
  }

  /** Makes the connection ready. It is not before the server's clock is known: no call could carry a deadline. */
  async #prepare(): Promise<void> {
    // A user without permission to load scripts sends their text with the first call instead.
    await Promise.allSettled(this.#options.scripts.map(({ text }) => this.#redis.script('LOAD', text)));
    try {
      for (let sample = 0; sample < CLOCK_SAMPLE_COUNT; sample++) await this.#sampleClock();
    } catch (error) {
      if (this.#redis.status !== 'ready') return; // the connection is lost, and ioredis is opening another
      this.#warn('counters: Redis is not usable', error);
      if (!this.#isClosing) {
        this.#reconnectTimer = setTimeout(() => this.#redis.disconnect(true), UNUSABLE_RETRY_DELAY_MS);
      }
      return;
    }
    this.#isReady = !this.#isClosing;
    this.#incarnation = ++lastIncarnation;
    this.#recordReply();
    this.#logReady();
    this.#options.onReady?.();
    await this.#warnIfEvicting().catch((error: unknown) => {
      this.#warn('counters: cannot tell whether Redis may evict live counters', error);
    });
    await this.#reportPersistence();
  }

  /** Logs the first connection, which a failover opens too, and each one that ends a failure. */
  #logReady(): void {
    const { logger, server } = this.#options;
    const hasFailed = this.#warnings.reset();
    if (!this.#wasReady) logger.info({ server: formatHost(server) }, 'counters: connected to Redis');
    else if (hasFailed) logger.info({ server: formatHost(server) }, 'counters: Redis is reachable again');
    this.#wasReady = true;
  }

  async #sampleClock(): Promise<void> {
    const sentAt = performance.now();
    const [seconds = 0, microseconds = 0] = (await this.#redis.time()).map(Number);
    this.#clock.addSample(sentAt, performance.now(), seconds * 1_000_000 + microseconds);
  }

  /** A server that does not say is taken for a persistent one: the user who may not ask it can do nothing about it. */
  async #reportPersistence(): Promise<void> {
    const { server, onPersistence } = this.#options;
    const isPersistent = await readPersistence(this.#redis).catch(() => true);
    onPersistence?.(formatHost(server), isPersistent);
  }

  async #warnIfEvicting(): Promise<void> {
    const info = await this.#redis.info('memory'); // most users, and hosted servers, do not allow CONFIG GET
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'unknown';
    if (policy === 'noeviction') return;
    this.#options.logger.warn(
      { server: formatHost(this.#options.server), maxmemory_policy: policy },
      'counters: Redis may evict live counters, which gives their subjects the whole limit again; ' +
        'set maxmemory-policy to noeviction',
    );
  }

  #recordTimeout(sentAt: number): void {
    const { server, logger, onBreaker } = this.#options;
    if (!this.#breaker.recordTimeout(sentAt, performance.now())) return;
    logger.warn({ server: formatHost(server) }, 'counters: Redis is silent; it gets only probes until it answers');
    onBreaker?.(formatHost(server), true);
  }

  #recordReply(): void {
    const { server, logger, onBreaker } = this.#options;
    if (!this.#breaker.recordReply(performance.now())) return;
    if (!this.#isClosing) logger.info({ server: formatHost(server) }, 'counters: Redis answers again');
    onBreaker?.(formatHost(server), false);
  }

  #handleClose(): void {
    clearTimeout(this.#reconnectTimer);
    this.#isReady = false;
    this.#clock.reset(); // the next server at this address may have another clock
    if (!this.#isClosing) this.#options.onClose?.();
  }

  #warn(message: string, error: unknown): void {
    if (!this.#isClosing) this.#warnings.warn(message, error);
  }
}

/** Waits for both replies and returns the second. An error of ASKING explains an error of the command. */
async function awaitBoth(asking: Promise<unknown>, reply: Promise<unknown>): Promise<unknown> {
  const [asked, replied] = await Promise.allSettled([asking, reply]);
  if (replied.status === 'fulfilled') return replied.value;
  throw asked.status === 'rejected' ? asked.reason : replied.reason;
}

function isReplyError(error: unknown): error is Error {
  return error instanceof ReplyError;
}

function isNoScript(error: unknown): boolean {
  return isReplyError(error) && error.message.startsWith('NOSCRIPT');
}
