import type { Database } from '../database/open-database.ts';
import type { CounterAccess } from '../domain/counting/counter-admin.ts';
import type { Explain } from '../domain/rules/explanation.ts';
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
import type { TokenVerification } from './auth/verify-presented-token.ts';
import { createCounterService } from './counters/counter-service.ts';
import { createExplainService } from './explain/explain-service.ts';
import { createIssuerService } from './issuers/issuer-service.ts';
import { createPlanService } from './plans/plan-service.ts';
import { type Handlers, mapDatabaseErrors, refreshBeforeReply } from './shared/service.ts';
import type { SigningKeyRing } from './signing-keys/signing-key-ring.ts';
import { createSigningKeyService } from './signing-keys/signing-key-service.ts';
import type { TokenInfoOptions } from './tokens/token-info-options.ts';
import { createReadOnlyTokenInfoService, createTokenInfoService } from './tokens/token-info-service.ts';
import { createTokenService } from './tokens/token-service.ts';

export interface AdminServicesOptions {
  readonly database: Database;
  readonly catalog: TokenInfoOptions['catalog'] & { refresh(): Promise<void> };
  readonly counters: CounterAccess;
  readonly calls: CallLimit;
  readonly explain: Explain;
  readonly verifier: TokenVerification['verifier'];
  readonly signingKeys: SigningKeyRing;
  readonly accessTokenSeconds: number;
  readonly refreshTokenSeconds: number;
  /** Of an API key's secret, in hex; the same that the catalog looks up by. */
  digest(secret: string): string;
}

/** The admin API, as services for a server to serve. */
export function createAdminServices(options: AdminServicesOptions) {
  const authenticate = createAuthenticator(options);
  const withAuthenticate = { ...options, authenticate };
  const changing = ({ definition, handlers }: ReturnType<typeof service>) => {
    return { definition, handlers: refreshBeforeReply(handlers, () => options.catalog.refresh()) };
  };
  return [
    changing(service(AuthServiceService, createAuthService(withAuthenticate))),
    changing(service(PlanServiceService, createPlanService(withAuthenticate))),
    changing(service(ApiKeyServiceService, createApiKeyService(withAuthenticate))),
    changing(service(IssuerServiceService, createIssuerService(withAuthenticate))),
    changing(service(SigningKeyServiceService, createSigningKeyService(withAuthenticate))),
    changing(service(TokenServiceService, createTokenService(withAuthenticate))),
    changing(service(TokenInfoServiceService, createTokenInfoService(options))),
    service(CounterServiceService, createCounterService(withAuthenticate)),
    service(ExplainServiceService, createExplainService(withAuthenticate)),
  ];
}

/** What a node that only follows the catalog can answer. */
export function createReadOnlyServices(parts: TokenInfoOptions) {
  return [service(TokenInfoServiceService, createReadOnlyTokenInfoService(parts))];
}

/** A method without a handler is answered UNIMPLEMENTED. */
function service<Definition extends object>(definition: Definition, handlers: Partial<Handlers<Definition>>) {
  return { definition, handlers: mapDatabaseErrors(handlers) };
}
