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
import { apiKeyService } from './api-keys/api-key-service.ts';
import { authService } from './auth/auth-service.ts';
import { authenticator } from './auth/caller.ts';
import type { TokenParts } from './auth/presented-token.ts';
import { counterService } from './counters/counter-service.ts';
import { explainService } from './counters/explain-service.ts';
import { issuerService } from './issuers/issuer-service.ts';
import { planService } from './plans/plan-service.ts';
import { type Handlers, mapDatabaseErrors, refreshBeforeReply } from './shared/handlers.ts';
import { signingKeyService } from './signing-keys/signing-key-service.ts';
import type { SigningKeys } from './signing-keys/signing-keys.ts';
import type { TokenInfoParts } from './tokens/token-info-parts.ts';
import { readingTokenInfoService, tokenInfoService } from './tokens/token-info-service.ts';
import { tokenService } from './tokens/token-service.ts';

export interface AdminOptions {
  readonly database: Database;
  readonly catalog: TokenInfoParts['catalog'] & { refresh(): Promise<void> };
  readonly counters: CounterAccess;
  readonly calls: CallLimit;
  readonly explain: Explain;
  readonly verifier: TokenParts['verifier'];
  readonly signingKeys: SigningKeys;
  readonly accessTokenSeconds: number;
  readonly refreshTokenSeconds: number;
  /** Of an API key's secret, in hex; the same that the catalog looks up by. */
  digest(secret: string): string;
}

/** The admin API, as services for a server to serve. */
export function adminServices(options: AdminOptions) {
  const authenticate = authenticator(options);
  const withAuthenticate = { ...options, authenticate };
  const changing = ({ definition, handlers }: ReturnType<typeof service>) => {
    return { definition, handlers: refreshBeforeReply(handlers, () => options.catalog.refresh()) };
  };
  return [
    changing(service(AuthServiceService, authService(withAuthenticate))),
    changing(service(PlanServiceService, planService(withAuthenticate))),
    changing(service(ApiKeyServiceService, apiKeyService(withAuthenticate))),
    changing(service(IssuerServiceService, issuerService(withAuthenticate))),
    changing(service(SigningKeyServiceService, signingKeyService(withAuthenticate))),
    changing(service(TokenServiceService, tokenService(withAuthenticate))),
    changing(service(TokenInfoServiceService, tokenInfoService(options))),
    service(CounterServiceService, counterService(withAuthenticate)),
    service(ExplainServiceService, explainService(withAuthenticate)),
  ];
}

/** What a node that only follows the catalog can answer. */
export function readingServices(parts: TokenInfoParts) {
  return [service(TokenInfoServiceService, readingTokenInfoService(parts))];
}

/** A method without a handler is answered UNIMPLEMENTED. */
function service<Definition extends object>(definition: Definition, handlers: Partial<Handlers<Definition>>) {
  return { definition, handlers: mapDatabaseErrors(handlers) };
}
