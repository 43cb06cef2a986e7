import type { Config } from '../config/config.ts';
import type { KeyPeppers } from '../domain/credentials/key-peppers.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { DecisionPort } from './decision-port.ts';

/** Settings of the start that are not in the configuration. */
export interface DecisionSettings {
  /** Also set for the embedded Postgres. */
  readonly databaseUrl: string;
  /** Opens the secrets of signing keys; undefined: this node does not know it. */
  readonly signingKeySecret: string | undefined;
  readonly keyPeppers: KeyPeppers;
}

export interface StartedDecisions {
  readonly port: DecisionPort;
  /** Port of the data plane; undefined: the node has none. */
  readonly decisionPort: number | undefined;
  /** Domains of the rules. */
  readonly domains: readonly string[];
}

/** The part of a node that decides. Its rules are loaded; it decides nothing before `start`. */
export interface Decisions {
  /** Loads the catalog and serves the data plane. Rejects if a part cannot start. */
  start(settings: DecisionSettings): Promise<StartedDecisions>;
  /** Reports NOT_SERVING; after the delay of the configuration, finishes the calls of the data plane and closes it. The port still answers. */
  drain(): Promise<void>;
  /** Closes everything. Further calls do nothing. */
  stop(): Promise<void>;
}

/** Loads the rules. Throws InvalidRules. */
export type PrepareDecisions = (config: Config, log: Logger) => Promise<Decisions>;
