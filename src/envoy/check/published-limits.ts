import type { ProvenIdentity } from '../../decide/check/authenticate.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { PlanLimit } from '../../domain/limits/plan-limit.ts';
import type { Metadata } from '../../domain/metadata.ts';
import { OVERRIDE_UNITS } from '../rate-limit/rate-limit-unit.ts';
import { encodeEntries } from '../wire/dynamic-metadata.ts';

/** A limit that Envoy could not read from the metadata as it is. */
export interface UnpublishedLimit {
  /** `plans/…`, or undefined: a key or a token. There are too many of these to name. */
  readonly owner: string | undefined;
  readonly name: string;
  readonly windowSeconds: number;
}

type CredentialRecord = ProvenIdentity['credential'];

interface EncodedLimits {
  /** The plan that is in the bytes. A changed plan is another object. */
  readonly plan: Plan | undefined;
  readonly bytes: Uint8Array;
}

/** A limit, with what it publishes. */
interface Publication {
  readonly limit: PlanLimit;
  readonly ratePerSecond: number;
  /** The override that Envoy's rate limit filter reads from dynamic metadata. */
  readonly override: Metadata;
}

/** Further limits are left out without a call of `onUnpublished`: the first ones have given the reason. */
const MAX_REPORTED = 100;
const NO_LIMITS: readonly PlanLimit[] = [];

/**
 * Encodes the limits of a plan and a credential as entries of Check's dynamic metadata: `limits`, a struct with each limit
 * by its name, and one entry for each `metadataKey`. A limit is published only if its window is exactly one of Envoy's
 * units, because Envoy 1.40 reads no `unit_multiplier` from metadata: a window of 30 s would become a second. Where two
 * limits have the same name or key, the one that admits less is published.
 */
export class PublishedLimits {
  /** Shared by all credentials that have no limits of their own. */
  readonly #byPlan = new WeakMap<Plan, Uint8Array>();
  /** For credentials with limits of their own. A changed record is another object. */
  readonly #byCredential = new WeakMap<CredentialRecord, EncodedLimits>();
  readonly #reported = new Set<string>();
  readonly #onUnpublished: (limit: UnpublishedLimit) => void;

  /** `onUnpublished` is called once for each limit that is left out for its window. */
  constructor(onUnpublished: (limit: UnpublishedLimit) => void) {
    this.#onUnpublished = onUnpublished;
  }

  /** Returns the same bytes until the plan or the credential changes. Empty if nothing is published. */
  encode({ credential, plan }: { readonly credential: CredentialRecord; readonly plan: Plan | undefined }): Uint8Array {
    const ownLimits = 'policy' in credential ? credential.policy.limits : credential.limits;
    if (ownLimits.length === 0 && plan !== undefined) return this.#encodePlan(plan);
    const cached = this.#byCredential.get(credential);
    if (cached !== undefined && cached.plan === plan) return cached.bytes;
    const bytes = this.#encode(plan, ownLimits);
    this.#byCredential.set(credential, { plan, bytes });
    return bytes;
  }

  #encodePlan(plan: Plan): Uint8Array {
    let bytes = this.#byPlan.get(plan);
    if (bytes === undefined) {
      bytes = this.#encode(plan, NO_LIMITS);
      this.#byPlan.set(plan, bytes);
    }
    return bytes;
  }

  #encode(plan: Plan | undefined, ownLimits: readonly PlanLimit[]): Uint8Array {
    const publications = [
      ...this.#publish(plan && `plans/${plan.id}`, plan?.limits ?? NO_LIMITS),
      ...this.#publish(undefined, ownLimits),
    ];
    if (publications.length === 0) return new Uint8Array();
    const limits = chooseLowest(publications, ({ limit }) => limit.name);
    const aliases = chooseLowest(publications, ({ limit }) => limit.metadataKey);
    return encodeEntries([...Object.entries(aliases), ['limits', limits]]);
  }

  #publish(owner: string | undefined, limits: readonly PlanLimit[]): readonly Publication[] {
    return limits.flatMap((limit) => {
      const { algorithm, name } = limit;
      if (algorithm === 'unlimited' || algorithm === 'credits' || algorithm === 'concurrency') return [];
      const { requests, windowSeconds } = limit;
      const unit = OVERRIDE_UNITS.find((known) => known?.seconds === windowSeconds);
      if (unit === undefined) {
        this.#report({ owner, name, windowSeconds });
        return [];
      }
      const override = { requests_per_unit: requests, unit: unit.name };
      return [{ limit, ratePerSecond: requests / windowSeconds, override }];
    });
  }

  #report(limit: UnpublishedLimit): void {
    const label = `${limit.owner} ${limit.name} ${limit.windowSeconds}`;
    if (this.#reported.has(label) || this.#reported.size === MAX_REPORTED) return;
    this.#reported.add(label);
    this.#onUnpublished(limit);
  }
}

/** Returns the overrides by a name. Of those with the same name, the one with the lowest rate. */
function chooseLowest(
  publications: readonly Publication[],
  readName: (publication: Publication) => string | undefined,
): Metadata {
  const lowest = new Map<string, Publication>();
  for (const publication of publications) {
    const name = readName(publication);
    if (name === undefined) continue;
    const other = lowest.get(name);
    if (other === undefined || publication.ratePerSecond < other.ratePerSecond) lowest.set(name, publication);
  }
  return Object.fromEntries([...lowest].map(([name, { override }]) => [name, override]));
}
