import type { Revocation, VerifiedToken } from '../../domain/tokens/token.ts';
import type { RevocationRow } from '../feed/catalog-rows.ts';

/** The revoked tokens. There are few: a revocation is deleted once all tokens that it names have expired. */
export class Revocations {
  readonly #byId = new Map<string, Revocation>();
  /** By the issuer, kind and value that they have in common. */
  readonly #byTarget = new Map<string, Set<Revocation>>();
  /** Tokens that were found not to be revoked since the last change. Each use of a token asks with the same object. */
  #notRevoked = new WeakSet<VerifiedToken>();

  /** Adds, replaces or removes a revocation. */
  apply(id: string, row: RevocationRow | null): void {
    this.#notRevoked = new WeakSet();
    const former = this.#byId.get(id);
    if (former !== undefined) this.#remove(id, former);
    if (row === null) return;
    const { kind, value, issuerId, issuedBefore } = row;
    const revocation: Revocation = {
      kind,
      value,
      issuerId: issuerId ?? undefined,
      issuedBefore: issuedBefore ?? undefined,
    };
    this.#byId.set(id, revocation);
    const target = formatTarget(revocation.issuerId, kind, value);
    this.#byTarget.set(target, (this.#byTarget.get(target) ?? new Set()).add(revocation));
  }

  /** Whether a token is revoked. */
  has(token: VerifiedToken): boolean {
    if (this.#byId.size === 0 || this.#notRevoked.has(token)) return false;
    const isRevoked = this.#isRevoked(token);
    if (!isRevoked) this.#notRevoked.add(token);
    return isRevoked;
  }

  #isRevoked({ issuerId, tokenId, sessionId, accountId, issuedAt }: VerifiedToken): boolean {
    if (tokenId !== undefined && this.#byTarget.has(formatTarget(issuerId, 'token', tokenId))) return true;
    if (sessionId !== undefined && this.#byTarget.has(formatTarget(issuerId, 'session', sessionId))) return true;
    const ofAccount = this.#byTarget.get(formatTarget(issuerId, 'account', accountId));
    if (ofAccount === undefined) return false;
    return [...ofAccount].some(
      ({ issuedBefore }) => issuedBefore === undefined || issuedAt === undefined || issuedAt < issuedBefore,
    );
  }

  #remove(id: string, revocation: Revocation): void {
    this.#byId.delete(id);
    const target = formatTarget(revocation.issuerId, revocation.kind, revocation.value);
    const others = this.#byTarget.get(target);
    others?.delete(revocation);
    if (others?.size === 0) this.#byTarget.delete(target);
  }
}

/** As JSON, which is unambiguous. Issuers choose the values, so they could contain any separator. */
function formatTarget(issuerId: string | undefined, kind: Revocation['kind'], value: string): string {
  return JSON.stringify([issuerId ?? null, kind, value]);
}
