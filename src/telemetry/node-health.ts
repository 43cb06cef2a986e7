import type { RulesState } from '../domain/rules/rules-state.ts';

/** `degraded`: decisions go on, but something needs an operator. `unhealthy`: the node is not ready. */
export type Health = 'healthy' | 'degraded' | 'unhealthy';

/** The health of one part of a node. */
export interface PartHealth {
  /** Public name, such as `postgres`. */
  readonly name: string;
  readonly health: Health;
  /** The fault and its consequence. Empty: there is none. */
  readonly message: string;
}

/** Returns the health of a part. */
export function assessPart(name: string, isHealthy: boolean, message: string): PartHealth {
  return { name, health: isHealthy ? 'healthy' : 'degraded', message: isHealthy ? '' : message };
}

/** The state of the parts of the process that decides. */
export interface DecisionParts {
  /** Whether the last attempt to read changes of the catalog from Postgres succeeded. */
  readonly catalog: { readonly isFollowing: boolean };
  readonly counters: { readonly ready: boolean };
  /** `failure` undefined: the last change of the files is in force. */
  readonly rules: { readonly state: Pick<RulesState, 'failure'> };
  /** Whether the last change of the files could not be applied. */
  readonly routes: { readonly isOutdated: boolean };
  /** Rows that could not be written yet. */
  readonly usage: { readonly backlog: number };
  /** The issuers whose keys could not be fetched the last time. */
  readonly tokens: { readonly unreachableIssuers: number };
}

export function assessDecisionParts(parts: DecisionParts): readonly PartHealth[] {
  const { catalog, counters, rules, routes, usage, tokens } = parts;
  return [
    assessPart('postgres', catalog.isFollowing, 'the node cannot read changes of the catalog and serves its last copy'),
    assessPart('counters', counters.ready, 'Redis does not answer; on_store_failure decides'),
    assessPart(
      'rules',
      rules.state.failure === undefined,
      'the rules files have faults; the rules from before their last change are in force',
    ),
    assessPart(
      'routes',
      !routes.isOutdated,
      'the route table has faults; the one from before its last change is in force',
    ),
    assessPart('usage', usage.backlog === 0, `${usage.backlog} rows of usage wait for Postgres`),
    assessPart(
      'issuer_keys',
      tokens.unreachableIssuers === 0,
      `the keys of ${tokens.unreachableIssuers} issuers cannot be fetched; the log names them`,
    ),
  ];
}

/** The state of the parts of the control process, on a node that writes the catalog. */
export interface WriterParts {
  readonly signingKeys: { readonly isMaintained: boolean };
  readonly callEvents: { readonly isFailing: boolean };
}

export function assessWriterParts({ signingKeys, callEvents }: WriterParts): readonly PartHealth[] {
  return [
    assessPart('signing_keys', signingKeys.isMaintained, 'signing keys are not maintained; none is replaced'),
    assessPart('audit', !callEvents.isFailing, 'audit events of refused calls wait for Postgres'),
  ];
}

/** Returns the health of a node from that of its parts. `reasons` say why it is not ready. */
export function assessNode(reasons: readonly string[], parts: readonly PartHealth[]): Health {
  if (reasons.length > 0) return 'unhealthy';
  return parts.every(({ health }) => health === 'healthy') ? 'healthy' : 'degraded';
}
