import { KEY_PREFIX } from '../core/api-key.ts';
import type { DenialCode } from '../core/denial.ts';
import { standingOf } from '../core/key-standing.ts';
import { isInNetworks } from '../core/networks.ts';
import type { Plan } from '../core/plan.ts';
import type { RuleBook } from '../core/rules.ts';
import type { TokenRecord } from '../core/token.ts';
import { type LimitName, type LimitStatus, retryAfterSeconds } from '../core/verdict.ts';
import type { CheckQuestion, CheckVerdict, CredentialHeader } from './check.ts';
import type { Consideration } from './decider.ts';
import { costAtEdge } from './edge-cost.ts';
import { knownCostOf } from './known-costs.ts';
import { limitStatus } from './limit-statuses.ts';
import type { Cost } from './plan-charges.ts';
import { type Catalog, type Charge, type KeyRecord, type Outcome, type Source, StoreUnavailable } from './ports.ts';

/** Tells whether a text has the form of an API key (core/api-key). */
export type KeyFormat = (text: string) => boolean;

/** Who asks, as far as the catalog tells, and what they are charged; a denial where they may not come in at all. */
type Identity =
  | {
      readonly kind: 'known';
      readonly credential: KeyRecord | TokenRecord;
      readonly keyId: string | undefined;
      readonly planId: string | undefined;
      readonly header: CredentialHeader | undefined;
      readonly cost: Cost;
    }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'denied'; readonly code: DenialCode };

const ANONYMOUS: Identity = { kind: 'anonymous' };
const NOTHING: Cost = { charges: [], names: [] };

/**
 * Thinks one Check through: who it is, whether they may come in at all, and what that charges. What the edge charges
 * comes before who it is: also who may not come in is charged that, and who is over it learns nothing else. `now` is
 * Unix time in ms.
 */
export function considerCheck(
  question: CheckQuestion,
  catalog: Catalog,
  rules: RuleBook,
  isApiKey: KeyFormat,
  now: number,
): Consideration<CheckVerdict> {
  const identity = identify(question, catalog, isApiKey, now);
  const ofIdentity = identity.kind === 'known' ? identity.cost : NOTHING;
  const atEdge = costAtEdge(question, rules);
  return new ConsideredCheck(question, identity, atEdge.charges.length === 0 ? ofIdentity : sum(atEdge, ofIdentity));
}

function identify(question: CheckQuestion, catalog: Catalog, isApiKey: KeyFormat, now: number): Identity {
  const { cost } = question;
  // Neither free nor at some guessed price: what cannot be counted as its owner wants does not pass.
  if (cost === undefined) return denial('invalid_configuration');
  const credential = credentialOf(question);
  if (credential === undefined) {
    const mayPass = question.allowsAnonymous && question.requiredFeatures.length === 0;
    return mayPass ? ANONYMOUS : denial('missing_credential');
  }
  if (!isApiKey(credential.secret)) return denial('malformed_credential');
  const key = catalog.keyOfSecret(credential.secret);
  if (key === undefined) return denial('unknown_credential');
  const standing = standingOf(key, now);
  if (standing !== 'valid') return denial(`${standing}_credential`);
  const plan = catalog.plan(key.planId);
  // A key whose plan is not known must not pass as unlimited.
  if (plan === undefined) return denial('unknown_credential');
  if (!isAllowedFrom(key, question)) return denial('forbidden_network');
  if (!hasFeatures(key, plan, question)) return denial('missing_feature');
  const charged = question.rateLimitOff ? NOTHING : knownCostOf(key, plan, cost, question.route);
  return {
    kind: 'known',
    credential: key,
    keyId: key.id,
    planId: key.planId,
    header: credential.header,
    cost: charged,
  };
}

function sum(one: Cost, other: Cost): Cost {
  return { charges: [...one.charges, ...other.charges], names: [...one.names, ...other.names] };
}

function denial(code: DenialCode): Identity {
  return { kind: 'denied', code };
}

function isAllowedFrom({ conditions: { allowedNetworks } }: KeyRecord, { sourceAddress }: CheckQuestion): boolean {
  if (allowedNetworks.length === 0) return true;
  return sourceAddress !== undefined && isInNetworks(allowedNetworks, sourceAddress);
}

function hasFeatures({ conditions }: KeyRecord, plan: Plan, { requiredFeatures }: CheckQuestion): boolean {
  if (requiredFeatures.length === 0) return true;
  return requiredFeatures.every((each) => plan.features.includes(each) || conditions.features.includes(each));
}

/** `header`: undefined, where it is in the query. */
function credentialOf(question: CheckQuestion): { header: CredentialHeader | undefined; secret: string } | undefined {
  const { apiKeyHeader, queryKey } = question;
  if (apiKeyHeader !== undefined && apiKeyHeader !== '') return { header: 'x-api-key', secret: apiKeyHeader };
  const bearer = bearerOf(question);
  if (bearer !== undefined) return { header: 'authorization', secret: bearer };
  return queryKey === '' ? undefined : { header: undefined, secret: queryKey };
}

function bearerOf({ authorizationHeader }: CheckQuestion): string | undefined {
  return authorizationHeader === undefined ? undefined : /^bearer +(.*)$/i.exec(authorizationHeader)?.[1];
}

class ConsideredCheck implements Consideration<CheckVerdict> {
  readonly charges: readonly Charge[];
  readonly #names: readonly LimitName[];
  readonly #question: CheckQuestion;
  readonly #identity: Identity;

  constructor(question: CheckQuestion, identity: Identity, { charges, names }: Cost) {
    this.charges = charges;
    this.#names = names;
    this.#question = question;
    this.#identity = identity;
  }

  judge(outcome: Outcome | StoreUnavailable | undefined): CheckVerdict {
    const question = this.#question;
    const identity = this.#identity;
    if (outcome instanceof StoreUnavailable) return denied(question, 'store_unavailable', 'catalog');
    const limits = outcome === undefined ? [] : this.#statuses(outcome);
    const source = outcome?.source ?? 'catalog';
    if (outcome !== undefined && !outcome.granted) return denied(question, refusalCode(limits), source, limits);
    if (identity.kind === 'denied') return denied(question, identity.code, 'catalog');
    if (identity.kind === 'anonymous') return { kind: 'anonymous', question, limits, source };
    const { credential, keyId, planId, header: credentialHeader } = identity;
    const removesAuthorization =
      credentialHeader !== 'authorization' && bearerOf(question)?.startsWith(KEY_PREFIX) === true;
    return {
      kind: 'allowed',
      question,
      credential,
      keyId,
      planId,
      credentialHeader,
      removesAuthorization,
      limits,
      source,
    };
  }

  #statuses(outcome: Outcome): LimitStatus[] {
    const statuses: LimitStatus[] = [];
    for (let index = 0; index < this.charges.length; index++) {
      const charge = this.charges[index];
      const charged = outcome.charges[index];
      const name = this.#names[index];
      if (charge === undefined || charged === undefined || name === undefined) continue;
      statuses.push(limitStatus(name, charge, charged));
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
