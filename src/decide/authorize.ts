import { KEY_PREFIX } from '../core/api-key.ts';
import type { DenialCode } from '../core/denial.ts';
import { standingOf } from '../core/key-standing.ts';
import { isInNetworks } from '../core/networks.ts';
import type { Plan } from '../core/plan.ts';
import { type LimitStatus, retryAfterSeconds } from '../core/verdict.ts';
import type { Consideration } from './decider.ts';
import { limitStatus } from './limit-statuses.ts';
import { type Cost, costOfKey } from './plan-charges.ts';
import { type Catalog, type Charge, type KeyRecord, type Outcome, type Source, StoreUnavailable } from './ports.ts';

/** What Envoy asks about one request, as far as it matters. */
export interface CheckQuestion {
  /** The x-request-id of the request that is checked; undefined when absent. Not looked at: an answer may repeat it. */
  readonly requestIdHeader: string | undefined;
  /** The x-api-key header; undefined when absent. */
  readonly apiKeyHeader: string | undefined;
  /** The authorization header; undefined when absent. */
  readonly authorizationHeader: string | undefined;
  /** Who connected to Envoy, by its IP address; undefined where Envoy does not say. */
  readonly sourceAddress: string | undefined;
  /** The route's context extension `weir.rate_limit` is `off`: the RLS filter will charge the plan. */
  readonly rateLimitOff: boolean;
  /** Of the route's context extension `weir.require`. */
  readonly requiredFeatures: readonly string[];
  /** Header names under which a client tried to pass for Weir: to be removed on the way to the upstream. */
  readonly forgedHeaders: readonly string[];
}

export type CheckVerdict =
  | {
      readonly kind: 'allowed';
      readonly question: CheckQuestion;
      readonly key: KeyRecord;
      /** The header that carried the secret, which the upstream must not see. */
      readonly credentialHeader: CredentialHeader;
      /** The authorization header carries another API key, which the upstream must not see either. */
      readonly removesAuthorization: boolean;
      readonly limits: readonly LimitStatus[];
      readonly source: Source | 'catalog';
    }
  | {
      readonly kind: 'denied';
      readonly question: CheckQuestion;
      readonly code: DenialCode;
      readonly limits: readonly LimitStatus[];
      /** undefined where no retry is promised. */
      readonly retryAfterSeconds: number | undefined;
      readonly source: Source | 'catalog';
    };

type CredentialHeader = 'x-api-key' | 'authorization';

/** Tells whether a text has the form of an API key (core/api-key). */
export type KeyFormat = (text: string) => boolean;

/** What each request on a key costs. */
interface KnownCost extends Cost {
  /** Another object when anything of the plan has changed. */
  readonly plan: Plan;
}

const NOTHING: Cost = { charges: [], labels: [] };
const costs = new WeakMap<KeyRecord, KnownCost>();

/** It is the same each time; and a counter is found faster by a subject that was looked up before. */
function costOf(key: KeyRecord, plan: Plan): Cost {
  const known = costs.get(key);
  if (known?.plan === plan) return known;
  const cost = { plan, ...costOfKey(key, plan, 1) };
  costs.set(key, cost);
  return cost;
}

/** Thinks one Check through: who it is, whether they may come in at all, and what their plan charges. */
export function considerCheck(
  question: CheckQuestion,
  catalog: Catalog,
  isApiKey: KeyFormat,
  now: number,
): Consideration<CheckVerdict> {
  const credential = credentialOf(question);
  if (credential === undefined) return new Denied(question, 'missing_credential');
  if (!isApiKey(credential.secret)) return new Denied(question, 'malformed_credential');
  const key = catalog.keyOfSecret(credential.secret);
  if (key === undefined) return new Denied(question, 'unknown_credential');
  const standing = standingOf(key, now);
  if (standing !== 'valid') return new Denied(question, `${standing}_credential`);
  const plan = catalog.plan(key.planId);
  // A key whose plan is not known must not pass as unlimited.
  if (plan === undefined) return new Denied(question, 'unknown_credential');
  if (!isAllowedFrom(key, question)) return new Denied(question, 'forbidden_network');
  if (!hasFeatures(key, plan, question)) return new Denied(question, 'missing_feature');
  return new Known(question, key, credential.header, question.rateLimitOff ? NOTHING : costOf(key, plan));
}

function isAllowedFrom({ conditions: { allowedNetworks } }: KeyRecord, { sourceAddress }: CheckQuestion): boolean {
  if (allowedNetworks.length === 0) return true;
  return sourceAddress !== undefined && isInNetworks(allowedNetworks, sourceAddress);
}

function hasFeatures({ conditions }: KeyRecord, plan: Plan, { requiredFeatures }: CheckQuestion): boolean {
  if (requiredFeatures.length === 0) return true;
  return requiredFeatures.every((each) => plan.features.includes(each) || conditions.features.includes(each));
}

function credentialOf(question: CheckQuestion): { header: CredentialHeader; secret: string } | undefined {
  const { apiKeyHeader } = question;
  if (apiKeyHeader !== undefined && apiKeyHeader !== '') return { header: 'x-api-key', secret: apiKeyHeader };
  const bearer = bearerOf(question);
  return bearer === undefined ? undefined : { header: 'authorization', secret: bearer };
}

function bearerOf({ authorizationHeader }: CheckQuestion): string | undefined {
  return authorizationHeader === undefined ? undefined : /^bearer +(.*)$/i.exec(authorizationHeader)?.[1];
}

class Denied implements Consideration<CheckVerdict> {
  readonly charges = [];
  readonly #question: CheckQuestion;
  readonly #code: DenialCode;

  constructor(question: CheckQuestion, code: DenialCode) {
    this.#question = question;
    this.#code = code;
  }

  judge(): CheckVerdict {
    return denied(this.#question, this.#code, 'catalog');
  }
}

class Known implements Consideration<CheckVerdict> {
  readonly charges: readonly Charge[];
  readonly #question: CheckQuestion;
  readonly #key: KeyRecord;
  readonly #credentialHeader: CredentialHeader;
  readonly #labels: readonly string[];

  constructor(question: CheckQuestion, key: KeyRecord, credentialHeader: CredentialHeader, cost: Cost) {
    this.#question = question;
    this.#key = key;
    this.#credentialHeader = credentialHeader;
    this.charges = cost.charges;
    this.#labels = cost.labels;
  }

  judge(outcome: Outcome | StoreUnavailable | undefined): CheckVerdict {
    const question = this.#question;
    if (outcome instanceof StoreUnavailable) return denied(question, 'store_unavailable', 'catalog');
    const limits = outcome === undefined ? [] : this.#statuses(outcome);
    const source = outcome?.source ?? 'catalog';
    if (outcome !== undefined && !outcome.granted) return denied(question, refusalCode(limits), source, limits);
    const key = this.#key;
    const credentialHeader = this.#credentialHeader;
    const removesAuthorization =
      credentialHeader !== 'authorization' && bearerOf(question)?.startsWith(KEY_PREFIX) === true;
    return { kind: 'allowed', question, key, credentialHeader, removesAuthorization, limits, source };
  }

  #statuses(outcome: Outcome): LimitStatus[] {
    const statuses: LimitStatus[] = [];
    for (let index = 0; index < this.charges.length; index++) {
      const charge = this.charges[index];
      const charged = outcome.charges[index];
      if (charge === undefined || charged === undefined) continue;
      statuses.push(limitStatus(this.#labels[index] ?? '', charge, charged));
    }
    return statuses;
  }
}

/** A quota counts by the calendar and is used up until its period ends; everything else is a rate. */
function refusalCode(limits: readonly LimitStatus[]): DenialCode {
  const exceeded = limits.filter((status) => status.exceeded);
  return exceeded.some(({ limit }) => limit.algorithm === 'calendar') ? 'quota_exceeded' : 'rate_limited';
}

function denied(
  question: CheckQuestion,
  code: DenialCode,
  source: Source | 'catalog',
  limits: readonly LimitStatus[] = [],
): CheckVerdict {
  return { kind: 'denied', question, code, limits, retryAfterSeconds: retryAfterSeconds(limits), source };
}
