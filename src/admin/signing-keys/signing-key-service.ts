import type { SigningKeyEntity } from '../../database/entities.ts';
import { signsFrom } from '../../domain/tokens/signing-schedule.ts';
import type { SigningKey, SigningKeyServiceService } from '../../generated/weir/admin/v1/signing_key_service.ts';
import { type Authenticate, requireAdmin } from '../auth/caller.ts';
import { requireResourceName } from '../shared/resource-names.ts';
import type { Handlers } from '../shared/unary-service.ts';
import type { SigningKeyRing } from './signing-key-ring.ts';

export interface SigningKeyServiceOptions {
  readonly signingKeys: SigningKeyRing;
  readonly authenticate: Authenticate;
}

/** Manages signing keys. For administrators only. */
export function createSigningKeyService(options: SigningKeyServiceOptions): Handlers<SigningKeyServiceService> {
  const { signingKeys, authenticate } = options;
  const toMessage = (row: SigningKeyEntity): SigningKey => ({
    name: `signingKeys/${row.id}`,
    algorithm: row.algorithm,
    signing: row.id === signingKeys.signer.id,
    activateTime: signsFrom(row),
    expireTime: row.expireTime ?? undefined,
    createTime: row.createTime,
  });
  return {
    async listSigningKeys(_request, context) {
      requireAdmin(await authenticate(context));
      return { signingKeys: (await signingKeys.list()).map(toMessage) };
    },

    async rotateSigningKey(_request, context) {
      requireAdmin(await authenticate(context));
      return toMessage(await signingKeys.rotate());
    },

    async deleteSigningKey({ name }, context) {
      requireAdmin(await authenticate(context));
      await signingKeys.delete(requireResourceName('signingKeys', 'name', name));
      return {};
    },
  };
}
