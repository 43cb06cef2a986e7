import { randomUUID } from 'node:crypto';
import { recordChange } from '../../database/audit/current-call.ts';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import { PlanEntity } from '../../database/entities/plan-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { recordRevocation } from '../../database/statements/record-revocation.ts';
import { invalidArgument } from '../../domain/api-error.ts';
import type { FieldChange } from '../../domain/audit-event.ts';
import { parseDuration } from '../../domain/limits/duration.ts';
import { isClaimName } from '../../domain/tokens/token-claims.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type {
  IssueTokenRequest,
  IssueTokenResponse,
  TokenServiceService,
} from '../../generated/weir/admin/v1/token_service.ts';
import { issueStatelessToken, type StatelessTokenClaims } from '../../identity/issue-tokens/stateless-token.ts';
import { type Authenticate, type Caller, requireAdmin } from '../callers/caller.ts';
import type { TokenVerificationOptions } from '../callers/verify-presented-token.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readFeatures, readLimits } from '../fields/limits-and-features.ts';
import { readResourceName } from '../fields/resource-names.ts';
import { unknownPlan } from '../fields/unknown-plan.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { endSessions } from '../sessions/end-sessions.ts';
import type { SigningKeyRing } from '../signing-keys/signing-key-ring.ts';
import { listIssuedTokens, recordIssuedToken, revokeIssuedTokens } from './issued-tokens.ts';
import {
  CLAIM_NAME_RULE,
  MAX_TOKEN_LIFETIME_SECONDS,
  readAccountRevocation,
  readTokenRevocation,
} from './token-revocation.ts';

/** The longest lifetime of a token with the role `admin`. */
const MAX_ADMIN_LIFETIME_SECONDS = 30 * 86_400;

export interface TokenServiceOptions extends TokenVerificationOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
  readonly signingKeys: SigningKeyRing;
  readonly accessTokenSeconds: number;
}

/** The methods of TokenService that change nothing. For administrators only. */
export function createTokenReader({ database, authenticate }: Pick<TokenServiceOptions, 'database' | 'authenticate'>) {
  return {
    async listIssuedTokens(request, context) {
      requireAdmin(await authenticate(context));
      return listIssuedTokens(database, request);
    },
  } satisfies Partial<Handlers<TokenServiceService>>;
}

/** Issues stateless tokens and revokes tokens. For administrators only. */
export function createTokenService(options: TokenServiceOptions): Handlers<TokenServiceService> {
  const { database, authenticate, accessTokenSeconds } = options;
  return {
    ...createTokenReader(options),

    async issueToken(request, context) {
      const caller = await authenticate(context);
      requireAdmin(caller);
      return issueToken(request, caller, options);
    },

    async revokeToken(request, context) {
      requireAdmin(await authenticate(context));
      await recordRevocation(database.em.fork(), await readTokenRevocation(request, context.peer, options));
      return {};
    },

    async revokeTokens(request, context) {
      requireAdmin(await authenticate(context));
      const revoked = await readAccountRevocation(request, database);
      const { revocation, issuedBefore, isOfOwnTokens } = revoked;
      await database.em.fork().transactional(async (em) => {
        await recordRevocation(em, revoked);
        await revokeIssuedTokens(em, revocation.value, issuedBefore);
        if (isOfOwnTokens) {
          await endSessions(em, { accountId: revocation.value, startedBefore: issuedBefore }, accessTokenSeconds);
        }
      });
      return {};
    },
  };
}

async function issueToken(
  request: IssueTokenRequest,
  caller: Caller,
  { database, signingKeys, verifier }: TokenServiceOptions,
): Promise<IssueTokenResponse> {
  const { lifetimeSeconds, ...claims } = readClaims(request);
  await requireUsable(database, claims);
  const issueTime = new Date();
  const expireTime = new Date((Math.floor(issueTime.getTime() / 1000) + lifetimeSeconds) * 1000);
  const tokenId = randomUUID();
  const signer = await signingKeys.signerUntil(expireTime);
  const token = await issueStatelessToken(signer, { ...claims, tokenId, issueTime, expireTime });
  const { maxTokenBytes } = verifier;
  if (token.length > maxTokenBytes) {
    const description = `must fit into a token of at most ${maxTokenBytes} bytes; use a plan instead`;
    throw invalidArgument({ field: 'limits', description });
  }
  const { role } = claims.grants;
  if (role === undefined) recordChange(`tokens/${tokenId}`, listClaims(claims, expireTime));
  else {
    const issued = { id: tokenId, account: claims.accountId, role, createTime: issueTime, expireTime };
    await recordIssuedToken(database, issued, caller);
  }
  return { token, tokenId, expireTime };
}

/** Describes a token that has no row in Postgres. */
function listClaims({ accountId, grants }: Omit<Claims, 'lifetimeSeconds'>, expireTime: Date): readonly FieldChange[] {
  const { plan, ...others } = grants;
  const fields = {
    account: accountId,
    plan: plan && `plans/${plan}`,
    ...others,
    expire_time: expireTime.toISOString(),
  };
  return Object.entries(fields).flatMap(([field, newValue]) => (newValue === undefined ? [] : [{ field, newValue }]));
}

type Claims = Pick<StatelessTokenClaims, 'accountId' | 'grants'> & { readonly lifetimeSeconds: number };

function readClaims({ account, plan, limits, features, role, ttl }: IssueTokenRequest): Claims {
  const violations = new FieldViolations();
  if (!isClaimName(account)) violations.add('account', CLAIM_NAME_RULE);
  const planId = plan === '' ? '' : readResourceName(violations, 'plans', 'plan', plan);
  const ownLimits = readLimits(violations, 'token', limits);
  const ownFeatures = readFeatures(violations, 'token', features);
  if (role !== '' && role !== 'admin') violations.add('role', withFound('must be empty or admin', role));
  const lifetimeSeconds = parseDuration(ttl) ?? 0;
  if (lifetimeSeconds === 0 || lifetimeSeconds > MAX_TOKEN_LIFETIME_SECONDS) {
    const expected = 'must be a whole number and a unit, such as 24h or 30d, and at most 366d';
    violations.add('ttl', withFound(expected, ttl));
  } else if (role === 'admin' && lifetimeSeconds > MAX_ADMIN_LIFETIME_SECONDS) {
    violations.add('ttl', withFound('must be at most 30d for the role admin', ttl));
  }
  violations.throwIfAny();
  const grants: Claims['grants'] = {
    ...(planId !== '' && { plan: planId }),
    ...(ownLimits.length > 0 && { limits: ownLimits }),
    ...(ownFeatures.length > 0 && { features: ownFeatures }),
    ...(role === 'admin' && { role }),
  };
  return { accountId: account, grants, lifetimeSeconds };
}

/** Throws `invalid` for a token that Check would always deny. */
async function requireUsable(
  database: Database,
  { accountId, grants }: Pick<Claims, 'accountId' | 'grants'>,
): Promise<void> {
  const em = database.em.fork();
  const { plan, limits, role } = grants;
  if (plan !== undefined && (await em.count(PlanEntity, { id: plan })) === 0) {
    throw unknownPlan(plan);
  }
  if (plan !== undefined || limits !== undefined || role !== undefined) return;
  if ((await em.count(AccountEntity, { id: accountId })) > 0) return;
  const description = 'must be set, or limits must be: the account is not in the catalog, so it has no plan';
  throw invalidArgument({ field: 'plan', description });
}
