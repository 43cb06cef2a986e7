import type { SigningKeyEntity } from '../../database/entities.ts';
import { signsFrom } from '../../domain/tokens/signing-schedule.ts';
import type { SigningKey, SigningKeyServiceService } from '../../generated/weir/admin/v1/signing_key_service.ts';
import { type Authenticate, requireAdmin } from '../auth/caller.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import type { Handlers } from '../shared/service.ts';
import type { SigningKeyRing } from './signing-key-ring.ts';

export interface SigningKeyServiceOptions {
  readonly signingKeys: SigningKeyRing;
  readonly authenticate: Authenticate;
}

export function createSigningKeyService(options: SigningKeyServiceOptions): Handlers<SigningKeyServiceService> {
  const { signingKeys, authenticate } = options;
  const message = (key: SigningKeyEntity): SigningKey => ({
    name: `signingKeys/${key.id}`,
    algorithm: key.algorithm,
    signing: key.id === signingKeys.signer.id,
    activateTime: signsFrom(key),
    expireTime: key.expireTime ?? undefined,
    createTime: key.createTime,
  });
  return {
    async listSigningKeys(_request, context) {
      requireAdmin(await authenticate(context));
      return { signingKeys: (await signingKeys.list()).map(message) };
    },

    async rotateSigningKey(_request, context) {
      requireAdmin(await authenticate(context));
      return message(await signingKeys.rotate());
    },

    async deleteSigningKey({ name }, context) {
      requireAdmin(await authenticate(context));
      const faults = new FieldViolations();
      const id = faults.idOf('signingKeys', 'name', name);
      faults.throwIfAny();
      await signingKeys.delete(id);
      return {};
    },
  };
}
