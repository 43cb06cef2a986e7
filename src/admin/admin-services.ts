import type { Database } from '../database/open-database.ts';
import type { Explain } from '../domain/explanation.ts';
import type { HostList } from '../domain/issuers/key-url.ts';
import type { ListRules } from '../domain/rules/listed-rules.ts';
import { AccountServiceService } from '../generated/weir/admin/v1/account_service.ts';
import { ApiKeyServiceService } from '../generated/weir/admin/v1/api_key_service.ts';
import { AuditServiceService } from '../generated/weir/admin/v1/audit_service.ts';
import { AuthServiceService } from '../generated/weir/admin/v1/auth_service.ts';
import { CounterServiceService } from '../generated/weir/admin/v1/counter_service.ts';
import { DeviceServiceService } from '../generated/weir/admin/v1/device_service.ts';
import { ExplainServiceService } from '../generated/weir/admin/v1/explain_service.ts';
import { IssuerServiceService } from '../generated/weir/admin/v1/issuer_service.ts';
import { OverviewServiceService } from '../generated/weir/admin/v1/overview_service.ts';
import { PlanServiceService } from '../generated/weir/admin/v1/plan_service.ts';
import { RequestLogServiceService } from '../generated/weir/admin/v1/request_log_service.ts';
import { RuleServiceService } from '../generated/weir/admin/v1/rule_service.ts';
import { SessionServiceService } from '../generated/weir/admin/v1/session_service.ts';
import { SigningKeyServiceService } from '../generated/weir/admin/v1/signing_key_service.ts';
import { StatusServiceService } from '../generated/weir/admin/v1/status_service.ts';
import { TokenInfoServiceService } from '../generated/weir/admin/v1/token_info_service.ts';
import { TokenServiceService } from '../generated/weir/admin/v1/token_service.ts';
import { UsageServiceService } from '../generated/weir/admin/v1/usage_service.ts';
import { WebhookServiceService } from '../generated/weir/admin/v1/webhook_service.ts';
import type { TextSealer } from '../identity/secrets/text-sealer.ts';
import type { Logger } from '../interfaces/logger.ts';
import { createAccountReader, createAccountService } from './accounts/account-service.ts';
import { createApiKeyService } from './api-keys/api-key-service.ts';
import { createAuditService } from './audit/audit-service.ts';
import type { Registration, SignInOutcome } from './auth/auth-parts.ts';
import { createAuthService } from './auth/auth-service.ts';
import { type Authenticate, createAuthenticator } from './callers/caller.ts';
import { nameCallerAsActor } from './callers/name-caller-as-actor.ts';
import { createCounterService } from './counters/counter-service.ts';
import { createDeviceService } from './devices/device-service.ts';
import { createExplainService } from './explain/explain-service.ts';
import { createIssuerService } from './issuers/issuer-service.ts';
import {
  type Handlers,
  keepReads,
  lackService,
  mapDatabaseErrors,
  refreshBeforeReply,
  type UnaryService,
} from './methods/unary-service.ts';
import { withWriteOptions } from './methods/write-options.ts';
import { createOverviewService, type OverviewServiceOptions } from './overview/overview-service.ts';
import { createPlanService } from './plans/plan-service.ts';
import { createRequestLogService } from './request-logs/request-log-service.ts';
import { createRuleService } from './rules/rule-service.ts';
import { createSessionService } from './sessions/session-service.ts';
import type { SigningKeyRing } from './signing-keys/signing-key-ring.ts';
import { createSigningKeyReader, createSigningKeyService } from './signing-keys/signing-key-service.ts';
import { createStatusService, type StatusServiceOptions } from './status/status-service.ts';
import type { TokenInfoOptions } from './tokens/token-info-options.ts';
import { createTokenInfoService } from './tokens/token-info-service.ts';
import { createTokenReader, createTokenService } from './tokens/token-service.ts';
import { createUsageService } from './usage/usage-service.ts';
import { createWebhookReader, createWebhookService } from './webhooks/webhook-service.ts';

/** Options of services that neither sign tokens nor start sessions. */
export interface ReadOnlyServicesOptions
  extends TokenInfoOptions,
    Pick<StatusServiceOptions, 'readStatus'>,
    Pick<OverviewServiceOptions, 'readOverview'> {
  readonly database: Database;
  readonly explain: Explain;
  readonly listRules: ListRules;
  /** Hosts from which keys of issuers may be fetched over plain http. */
  readonly insecureHosts: HostList;
  /** Hosts that may have addresses which are not of the public Internet, to fetch keys of issuers from. */
  readonly privateHosts: HostList;
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Digests an API key's secret, in hex. Must be the function that the catalog uses to find keys. */
  digest(secret: string): string;
  /** The same with earlier peppers. */
  readonly formerDigests: readonly ((secret: string) => string)[];
  /** Whether API keys that do not have Weir's own format are accepted. */
  readonly acceptsImportedKeys: boolean;
  /** Reads the changes of the catalog that this node has not read yet. It never rejects. */
  refresh(): Promise<void>;
}

export interface AdminServicesOptions extends ReadOnlyServicesOptions {
  readonly signingKeys: SigningKeyRing;
  readonly accessTokenSeconds: number;
  /** Hosts of webhooks that may have private addresses, and be asked over plain http. */
  readonly webhookPrivateHosts: HostList;
  /** A session ends this long after its last refresh. */
  readonly refreshTokenSeconds: number;
  /** A session ends this long after its sign-in, however often it is refreshed. */
  readonly sessionMaxSeconds: number;
  /** Callers who may create an account. */
  readonly registration: Registration;
  readonly totpSealer: TextSealer;
  readonly eventSealer: TextSealer;
  readonly webhookSealer: TextSealer;
  /** Whether all nodes can open what this node seals. */
  readonly isSealingSecretShared: boolean;
  /** Counts a sign-in by its outcome. */
  recordSignIn(outcome: SignInOutcome): void;
}

/** All services of the admin API, for nodes that write the catalog. */
export function createAdminServices(options: AdminServicesOptions): readonly UnaryService[] {
  const withAuthenticate = { ...options, authenticate: nameCallerAsActor(createAuthenticator(options)) };
  const catalogServices = [
    toService(AuthServiceService, createAuthService(withAuthenticate)),
    toService(SessionServiceService, createSessionService(withAuthenticate)),
    toService(PlanServiceService, createPlanService(withAuthenticate)),
    toService(AccountServiceService, createAccountService(withAuthenticate)),
    toService(ApiKeyServiceService, createApiKeyService(withAuthenticate)),
    toService(DeviceServiceService, createDeviceService(withAuthenticate)),
    toService(IssuerServiceService, createIssuerService(withAuthenticate)),
    toService(SigningKeyServiceService, createSigningKeyService(withAuthenticate)),
    toService(TokenServiceService, createTokenService(withAuthenticate)),
    toService(TokenInfoServiceService, createTokenInfoService(options)),
    toService(WebhookServiceService, createWebhookService(withAuthenticate)),
  ];
  return [
    ...catalogServices.map((service) =>
      refreshBeforeReply(withWriteOptions(service, withAuthenticate), () => options.refresh()),
    ),
    ...createSharedServices(withAuthenticate),
  ];
}

/** The services of nodes that only follow the catalog: the methods that change nothing and need no signing keys. */
export function createReadOnlyServices(options: ReadOnlyServicesOptions): readonly UnaryService[] {
  const withAuthenticate = { ...options, authenticate: nameCallerAsActor(createAuthenticator(options)) };
  const reading = [
    toService(PlanServiceService, createPlanService(withAuthenticate)),
    toService(AccountServiceService, createAccountReader(withAuthenticate)),
    toService(ApiKeyServiceService, createApiKeyService(withAuthenticate)),
    toService(DeviceServiceService, createDeviceService(withAuthenticate)),
    toService(IssuerServiceService, createIssuerService(withAuthenticate)),
    toService(SigningKeyServiceService, createSigningKeyReader(withAuthenticate)),
    toService(TokenServiceService, createTokenReader(withAuthenticate)),
    toService(TokenInfoServiceService, createTokenInfoService(options)),
    toService(WebhookServiceService, createWebhookReader(withAuthenticate)),
    ...createSharedServices(withAuthenticate),
  ];
  return [...reading.map(keepReads), ...[AuthServiceService, SessionServiceService].map(lackService)];
}

/** The services that are the same on all nodes, because they change nothing in the catalog. */
function createSharedServices(
  options: ReadOnlyServicesOptions & { readonly authenticate: Authenticate },
): readonly UnaryService[] {
  return [
    toService(AuditServiceService, createAuditService(options)),
    toService(RequestLogServiceService, createRequestLogService(options)),
    toService(CounterServiceService, createCounterService(options)),
    toService(ExplainServiceService, createExplainService(options)),
    toService(RuleServiceService, createRuleService(options)),
    toService(UsageServiceService, createUsageService(options)),
    toService(StatusServiceService, createStatusService(options)),
    toService(OverviewServiceService, createOverviewService(options)),
  ];
}

function toService<Definition extends UnaryService['definition']>(
  definition: Definition,
  handlers: Partial<Handlers<Definition>>,
): UnaryService {
  // Partial<Handlers> of a concrete definition is a record of handlers, which the type of the generic one does not
  // show.
  return mapDatabaseErrors({ definition, handlers: handlers as UnaryService['handlers'] });
}
