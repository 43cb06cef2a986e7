import type { Revocation, VerifiedToken } from '../../domain/tokens/token.ts';
import type { RevocationRow } from '../feed/catalog-rows.ts';

/** Which tokens were revoked. Few: each row leaves when the tokens that it names have expired by themselves. */
export class Revocations {
  readonly #byId = new Map<string, Revocation>();
  readonly #byValue = new Map<string, Set<Revocation>>();
  /** Tokens that nothing was found for since the last change: each is asked for at every use, by the same object. */
  #notRevoked = new WeakSet<VerifiedToken>();

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
    const place = placeOf(revocation.issuerId, kind, value);
    this.#byValue.set(place, (this.#byValue.get(place) ?? new Set()).add(revocation));
  }

  has(token: VerifiedToken): boolean {
    if (this.#byId.size === 0 || this.#notRevoked.has(token)) return false;
    const found = this.#find(token);
    if (!found) this.#notRevoked.add(token);
    return found;
  }

  #find({ issuerId, tokenId, sessionId, accountId, issuedAt }: VerifiedToken): boolean {
    if (tokenId !== undefined && this.#byValue.has(placeOf(issuerId, 'token', tokenId))) return true;
    if (sessionId !== undefined && this.#byValue.has(placeOf(issuerId, 'session', sessionId))) return true;
    const ofAccount = this.#byValue.get(placeOf(issuerId, 'account', accountId));
    if (ofAccount === undefined) return false;
    return [...ofAccount].some(
      ({ issuedBefore }) => issuedBefore === undefined || issuedAt === undefined || issuedAt < issuedBefore,
    );
  }

  #remove(id: string, revocation: Revocation): void {
    this.#byId.delete(id);
    const place = placeOf(revocation.issuerId, revocation.kind, revocation.value);
    const others = this.#byValue.get(place);
    others?.delete(revocation);
    if (others?.size === 0) this.#byValue.delete(place);
  }
}

/** JSON keeps apart what a text with separators could mix up: the values are tokens' own. */
function placeOf(issuerId: string | undefined, kind: Revocation['kind'], value: string): string {
  return JSON.stringify([issuerId ?? null, kind, value]);
}
