import type { Database } from '../../database/open-database.ts';
import { listUsableSigningKeys } from '../../database/statements/signing-key-rows.ts';
import { signingKeyAt, signsFrom } from '../../domain/tokens/signing-schedule.ts';
import type { SigningKey, SigningKeyServiceService } from '../../generated/weir/admin/v1/signing_key_service.ts';
import { type Authenticate, requireAdmin } from '../callers/caller.ts';
import { requireResourceName } from '../fields/resource-names.ts';
import type { Handlers } from '../methods/unary-service.ts';
import type { ListedSigningKey, SigningKeyRing } from './signing-key-ring.ts';

export interface SigningKeyReaderOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
}

export interface SigningKeyServiceOptions extends Pick<SigningKeyReaderOptions, 'authenticate'> {
  readonly signingKeys: SigningKeyRing;
}

/**
 * Lists signing keys on a node that signs nothing. Of several nodes with secrets of their own, it takes the key of only one
 * for the signing one.
 */
export function createSigningKeyReader({ database, authenticate }: SigningKeyReaderOptions) {
  return {
    async listSigningKeys(_request, context) {
      requireAdmin(await authenticate(context));
      const now = new Date();
      const rows = await listUsableSigningKeys(database, now);
      const signerId = signingKeyAt(rows, now)?.id;
      return { signingKeys: rows.map((row) => toSigningKeyMessage(row, signerId)) };
    },
  } satisfies Partial<Handlers<SigningKeyServiceService>>;
}

/** Manages signing keys. For administrators only. */
export function createSigningKeyService(options: SigningKeyServiceOptions): Handlers<SigningKeyServiceService> {
  const { signingKeys, authenticate } = options;
  const toMessage = (row: ListedSigningKey): SigningKey => toSigningKeyMessage(row, signingKeys.signer.id);
  return {
    async listSigningKeys(_request, context) {
      requireAdmin(await authenticate(context));
      return { signingKeys: (await signingKeys.list()).map(toMessage) };
    },

    async rotateSigningKey({ validateOnly = false }, context) {
      requireAdmin(await authenticate(context));
      return toMessage(await (validateOnly ? signingKeys.previewRotation() : signingKeys.rotate()));
    },

    async deleteSigningKey({ name }, context) {
      requireAdmin(await authenticate(context));
      await signingKeys.delete(requireResourceName('signingKeys', 'name', name));
      return {};
    },
  };
}

function toSigningKeyMessage(row: ListedSigningKey, signerId: string | undefined): SigningKey {
  return {
    name: `signingKeys/${row.id}`,
    algorithm: row.algorithm,
    signing: row.id === signerId,
    activateTime: signsFrom(row),
    expireTime: row.expireTime ?? undefined,
    createTime: row.createTime,
  };
}
