import { setTimeout as sleep } from 'node:timers/promises';
import type { Actor, FieldChange } from '../../domain/audit-event.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { Query } from '../../interfaces/query.ts';
import { isDatabaseUnavailable } from '../database-errors.ts';

/** The event of a call that no trigger records: one that was refused, or that changed no row of Postgres. */
export interface CallEvent {
  readonly requestId: string;
  readonly method: string;
  readonly peer: string;
  readonly actor: Actor;
  /** Empty: none is known. */
  readonly resource: string;
  /** The account whose users may read the event; undefined: administrators only. */
  readonly accountId: string | undefined;
  /** OK, or the reason of the error. */
  readonly result: string;
  readonly changes: readonly FieldChange[];
}

/** Why an event was dropped: too many in a minute, too many that wait for Postgres, or Postgres failed. */
export type DroppedEvent = 'flood' | 'full' | 'failed';

export interface CallEventsOptions {
  readonly query: Query;
  readonly log: Pick<Logger, 'warn'>;
  recordDropped(reason: DroppedEvent): void;
}

const FLUSH_DELAY_MS = 500;
const RETRY_DELAY_MS = 5_000;
const STOP_TIMEOUT_MS = 5_000;
const MAX_BATCH = 500;
const MAX_WAITING = 5_000;
const MINUTE_MS = 60_000;
/** Refused calls cost their caller nothing, and their events stay for more than a year. */
const MAX_PER_MINUTE = 600;
/** Those of one client: an IPv4 address or an IPv6 network of 64 bits. */
const MAX_PER_MINUTE_AND_NETWORK = 60;

/** Takes a JSON array of events. Their times are those of Postgres, like the times of all other events. */
const INSERT_EVENTS = `
  insert into audit_event (id, create_time, actor, actor_kind, session, peer, request_id, method, resource, account_id,
    result, changes)
  select audit_event_id(at), at, actor, "actorKind", session, peer, "requestId", method, resource, "accountId", result, changes
  from jsonb_to_recordset(?::jsonb) as event ("ageMs" float8, actor text, "actorKind" text, session text, peer text,
      "requestId" text, method text, resource text, "accountId" text, result text, changes jsonb),
    lateral (select clock_timestamp() - "ageMs" * interval '1 ms' as at) moment`;

interface WaitingEvent {
  readonly event: CallEvent;
  /** In ms of performance.now(). */
  readonly recordedAt: number;
}

/**
 * Records calls that change no row of Postgres. Refused ones are recorded in batches, so that a call never waits for its
 * event. They are lost if the process is killed, if Postgres is away for too long, or if there are too many.
 */
export class CallEvents {
  readonly #options: CallEventsOptions;
  #waiting: WaitingEvent[] = [];
  #writing: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  #minuteStart = Number.NEGATIVE_INFINITY;
  /** Events of the current minute, by network. */
  readonly #counts = new Map<string, number>();
  #count = 0;
  #isFailing = false;

  constructor(options: CallEventsOptions) {
    this.#options = options;
  }

  /** Whether events wait because Postgres did not take them the last time. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** Records a refused call within the next second. */
  recordLater(event: CallEvent): void {
    const isFull = this.#waiting.length >= MAX_WAITING;
    if (isFull || !this.#admit(clientNetwork(event.peer))) {
      this.#options.recordDropped(isFull ? 'full' : 'flood');
      return;
    }
    this.#waiting.push({ event, recordedAt: performance.now() });
    this.#writing ??= this.#writeWaiting();
  }

  /** Records a call that has made its change. Never rejects: the change is made. */
  async recordNow(event: CallEvent): Promise<void> {
    await this.#insert([{ event, recordedAt: performance.now() }]).catch((error: unknown) => this.#drop(1, error));
  }

  /** Writes the events that wait, unless Postgres is away. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.race([this.#writing, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  }

  #admit(network: string): boolean {
    const now = performance.now();
    if (now - this.#minuteStart >= MINUTE_MS) {
      [this.#minuteStart, this.#count] = [now, 0];
      this.#counts.clear();
    }
    const count = (this.#counts.get(network) ?? 0) + 1;
    if (count > MAX_PER_MINUTE_AND_NETWORK || this.#count >= MAX_PER_MINUTE) return false;
    this.#counts.set(network, count);
    this.#count += 1;
    return true;
  }

  async #writeWaiting(): Promise<void> {
    const { signal } = this.#stopping;
    const wait = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {}); // rejects when aborted
    await wait(FLUSH_DELAY_MS);
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, MAX_BATCH);
      try {
        await this.#insert(batch);
        this.#isFailing = false;
      } catch (error) {
        this.#isFailing = true;
        if (isDatabaseUnavailable(error) && !signal.aborted) {
          await wait(RETRY_DELAY_MS);
          continue;
        }
        this.#drop(batch.length, error);
      }
      this.#waiting = this.#waiting.slice(batch.length);
    }
    this.#writing = undefined;
  }

  async #insert(batch: readonly WaitingEvent[]): Promise<void> {
    const now = performance.now();
    const rows = batch.map(({ event: { actor, ...event }, recordedAt }) => ({
      ...event,
      ageMs: now - recordedAt,
      actor: actor.name,
      actorKind: actor.kind,
      session: actor.session ?? '',
    }));
    await this.#options.query(INSERT_EVENTS, [JSON.stringify(rows)]);
  }

  #drop(count: number, error: unknown): void {
    for (let index = 0; index < count; index++) this.#options.recordDropped('failed');
    this.#options.log.warn({ err: error, events: count }, 'writing audit events failed; they are lost');
  }
}
