import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../../domain/api-error.ts';
import type { DecisionPort } from '../decision-port.ts';
import { mergeRulePages } from './merged-rules.ts';
import { mergeStatuses } from './merged-status.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

/** A worker of the pool, as its port sees it. */
export interface PoolMember {
  /** From 1. */
  readonly number: number;
  /** Whether it answers. */
  readonly isServing: boolean;
  readonly port: DecisionPort;
}

/**
 * Time that a question to all workers waits for the slowest. Shorter than that of the same question to this process, so
 * that a worker that hangs does not keep the others from answering.
 */
const STATUS_PATIENCE_MS = 500;
const PATIENCE_MS = 2_000;

/**
 * Creates the port of a pool of workers. Most questions are about shared state, which any worker knows. They take turns. What
 * each worker knows about itself is asked of all and merged.
 */
export function createPoolPort(members: readonly PoolMember[], metrics: WorkerMetrics): DecisionPort {
  let turn = 0;
  const any = (): DecisionPort => {
    const serving = members.filter(({ isServing }) => isServing);
    turn += 1;
    const member = serving[turn % serving.length];
    if (member === undefined) throw new ApiError({ kind: 'decisions_unavailable' });
    return member.port;
  };
  return {
    decide: async (call) => any().decide(call),
    explain: async (question) => any().explain(question),
    async listRules(question) {
      const port = any();
      const page = await port.listRules(question);
      const others = members.filter((member) => member.port !== port);
      const pages = await askAll(others, (other) => other.listRules(question), PATIENCE_MS);
      return mergeRulePages(page, [...pages.values()]);
    },
    readCounters: async (selection) => any().readCounters(selection),
    async changeCounters(change) {
      const port = any();
      const reading = await port.changeCounters(change);
      // Also made by the others, it has no further effect on the counters. It drops what they know of them.
      if (change.change.kind !== 'add_credits') {
        const others = members.filter((member) => member.port !== port);
        await askAll(others, (other) => other.changeCounters(change), PATIENCE_MS);
      }
      return reading;
    },
    admit: async (call) => any().admit(call),
    beginAdminCall: async (call) => any().beginAdminCall(call),
    endAdminCall: async (ended) => any().endAdminCall(ended),
    findKey: async (secret) => any().findKey(secret),
    findAccount: async (id) => any().findAccount(id),
    findPlan: async (id) => any().findPlan(id),
    async refreshCatalog() {
      await askAll(members, (port) => port.refreshCatalog(undefined), PATIENCE_MS);
    },
    async readStatus() {
      const answers = await askAll(members, (port) => port.readStatus(undefined), STATUS_PATIENCE_MS);
      if (answers.size === 0) throw new ApiError({ kind: 'decisions_unavailable' });
      return mergeStatuses([...answers.values()], members.length);
    },
    async readMetrics() {
      return metrics.merge(await askAll(members, (port) => port.readMetrics(undefined), PATIENCE_MS));
    },
    async readDecisionMetrics() {
      return metrics.mergeSome(
        await askAll(members, (port) => port.readDecisionMetrics(undefined), STATUS_PATIENCE_MS),
      );
    },
  };
}

/** Asks all workers that serve. Returns the answers that come in time, by the number of the worker. */
async function askAll<Answer>(
  members: readonly PoolMember[],
  ask: (port: DecisionPort) => Promise<Answer>,
  patienceMs: number,
): Promise<ReadonlyMap<number, Answer>> {
  const answers = new Map<number, Answer>();
  const asked = members.map(async ({ number, isServing, port }) => {
    if (isServing) answers.set(number, await ask(port));
  });
  const patience = new AbortController();
  const timeout = sleep(patienceMs, undefined, { signal: patience.signal }).catch(() => {}); // aborting ends it
  await Promise.race([Promise.allSettled(asked), timeout]);
  patience.abort();
  return new Map(answers);
}
