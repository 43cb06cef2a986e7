import type { Database } from '../database/open-database.ts';
import type { CounterAccess } from '../domain/counting/counter-admin.ts';
import type { Explain } from '../domain/explanation.ts';
import type { InsecureHosts } from '../domain/issuers/key-url.ts';
import { ApiKeyServiceService } from '../generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../generated/weir/admin/v1/auth_service.ts';
import { CounterServiceService } from '../generated/weir/admin/v1/counter_service.ts';
import { ExplainServiceService } from '../generated/weir/admin/v1/explain_service.ts';
import { IssuerServiceService } from '../generated/weir/admin/v1/issuer_service.ts';
import { PlanServiceService } from '../generated/weir/admin/v1/plan_service.ts';
import { SigningKeyServiceService } from '../generated/weir/admin/v1/signing_key_service.ts';
import { TokenInfoServiceService } from '../generated/weir/admin/v1/token_info_service.ts';
import { TokenServiceService } from '../generated/weir/admin/v1/token_service.ts';
import type { CallLimit } from '../interfaces/call-limit.ts';
import { createApiKeyService } from './api-keys/api-key-service.ts';
import { createAuthService } from './auth/auth-service.ts';
import { createAuthenticator } from './auth/caller.ts';
import type { TokenVerificationOptions } from './auth/verify-presented-token.ts';
import { createCounterService } from './counters/counter-service.ts';
import { createExplainService } from './explain/explain-service.ts';
import { createIssuerService } from './issuers/issuer-service.ts';
import { createPlanService } from './plans/plan-service.ts';
import { type Handlers, mapDatabaseErrors, refreshBeforeReply, type UnaryService } from './shared/unary-service.ts';
import type { SigningKeyRing } from './signing-keys/signing-key-ring.ts';
import { createSigningKeyService } from './signing-keys/signing-key-service.ts';
import type { TokenInfoOptions } from './tokens/token-info-options.ts';
import { createReadOnlyTokenInfoService, createTokenInfoService } from './tokens/token-info-service.ts';
import { createTokenService } from './tokens/token-service.ts';

export interface AdminServicesOptions {
  readonly database: Database;
  /** `refresh` reads the changes of the catalog that this node has not read yet. It never rejects. */
  readonly catalog: TokenInfoOptions['catalog'] & { refresh(): Promise<void> };
  readonly counters: CounterAccess;
  readonly calls: CallLimit;
  readonly explain: Explain;
  readonly verifier: TokenVerificationOptions['verifier'];
  readonly signingKeys: SigningKeyRing;
  /** Hosts from which keys of issuers may be fetched over plain http. */
  readonly insecureHosts: InsecureHosts;
  readonly accessTokenSeconds: number;
  /** A session ends this long after its last refresh. */
  readonly refreshTokenSeconds: number;
  /** Digests an API key's secret, in hex. Must be the function that the catalog uses to find keys. */
  digest(secret: string): string;
}

/** All services of the admin API, for nodes that write the catalog. */
export function createAdminServices(options: AdminServicesOptions): readonly UnaryService[] {
  const withAuthenticate = { ...options, authenticate: createAuthenticator(options) };
  const catalogServices = [
    toService(AuthServiceService, createAuthService(withAuthenticate)),
    toService(PlanServiceService, createPlanService(withAuthenticate)),
    toService(ApiKeyServiceService, createApiKeyService(withAuthenticate)),
    toService(IssuerServiceService, createIssuerService(withAuthenticate)),
    toService(SigningKeyServiceService, createSigningKeyService(withAuthenticate)),
    toService(TokenServiceService, createTokenService(withAuthenticate)),
    toService(TokenInfoServiceService, createTokenInfoService(options)),
  ];
  return [
    ...catalogServices.map((service) => refreshBeforeReply(service, () => options.catalog.refresh())),
    toService(CounterServiceService, createCounterService(withAuthenticate)),
    toService(ExplainServiceService, createExplainService(withAuthenticate)),
  ];
}

/** The services of nodes that only follow the catalog: the methods that need no database. */
export function createReadOnlyServices(options: TokenInfoOptions): readonly UnaryService[] {
  return [toService(TokenInfoServiceService, createReadOnlyTokenInfoService(options))];
}

function toService<Definition extends UnaryService['definition']>(
  definition: Definition,
  handlers: Partial<Handlers<Definition>>,
): UnaryService {
  // Partial<Handlers> of a concrete definition is a record of handlers, which the type of the generic one does not
  // show.
  return mapDatabaseErrors({ definition, handlers: handlers as UnaryService['handlers'] });
}
