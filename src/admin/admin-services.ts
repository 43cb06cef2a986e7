import type { CallLimit } from '../core/call-limit.ts';
import type { CounterAccess } from '../core/named-counter.ts';
import type { Explain } from '../core/rules/explanation.ts';
import type { Database } from '../database/open-database.ts';
import { ApiKeyServiceService } from '../generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../generated/weir/admin/v1/auth_service.ts';
import { CounterServiceService } from '../generated/weir/admin/v1/counter_service.ts';
import { ExplainServiceService } from '../generated/weir/admin/v1/explain_service.ts';
import { IssuerServiceService } from '../generated/weir/admin/v1/issuer_service.ts';
import { PlanServiceService } from '../generated/weir/admin/v1/plan_service.ts';
import { SigningKeyServiceService } from '../generated/weir/admin/v1/signing_key_service.ts';
import { TokenInfoServiceService } from '../generated/weir/admin/v1/token_info_service.ts';
import { TokenServiceService } from '../generated/weir/admin/v1/token_service.ts';
import { apiKeyService } from './api-key-service.ts';
import { authService } from './auth-service.ts';
import { authenticator } from './caller.ts';
import { counterService } from './counter-service.ts';
import { explainService } from './explain-service.ts';
import { type Handlers, knownBeforeAnswered, tellingWhenAway } from './handlers.ts';
import { issuerService } from './issuer-service.ts';
import { planService } from './plan-service.ts';
import type { TokenParts } from './presented-token.ts';
import { signingKeyService } from './signing-key-service.ts';
import type { SigningKeys } from './signing-keys.ts';
import type { TokenInfoParts } from './token-info-parts.ts';
import { readingTokenInfoService, tokenInfoService } from './token-info-service.ts';
import { tokenService } from './token-service.ts';

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
    return { definition, handlers: knownBeforeAnswered(handlers, () => options.catalog.refresh()) };
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
  return { definition, handlers: tellingWhenAway(handlers) };
}
