import { randomUUID } from 'node:crypto';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { AccountServiceService, CreateAccountRequest } from '../../generated/weir/admin/v1/account_service.ts';
import { hashPassword } from '../../identity/secrets/password.ts';
import { requireAdmin } from '../callers/caller.ts';
import { requireResourceName } from '../fields/resource-names.ts';
import type { Handlers } from '../methods/unary-service.ts';
import {
  createPlanChangeHandlers,
  createPlanChangeReader,
  type PlanChangeHandlerOptions,
} from '../plan-changes/plan-change-handlers.ts';
import { readBlock, readNewAccount } from './account-fields.ts';
import { toAccountMessage } from './account-message.ts';
import { findAccount, lockAccount, writeAccount } from './account-rows.ts';
import { createEmailVerification, createPasswordReset } from './create-holder-tokens.ts';
import { deleteAccount } from './delete-account.ts';
import { listAccounts } from './list-accounts.ts';
import { NO_TOTP } from './no-totp.ts';
import { updateAccount } from './update-account.ts';

type AccountReaderOptions = PlanChangeHandlerOptions;

export interface AccountServiceOptions extends AccountReaderOptions {
  readonly accessTokenSeconds: number;
}

/** The methods of AccountService that change nothing. */
export function createAccountReader(options: AccountReaderOptions) {
  const { database, authenticate } = options;
  return {
    ...createPlanChangeReader('accounts', options),

    async getAccount({ name }, context) {
      const caller = await authenticate(context);
      const id = requireResourceName('accounts', 'name', name);
      if (!caller.isAdmin && caller.accountId !== id) throw new ApiError({ kind: 'not_found', name });
      return toAccountMessage(await findAccount(database.em.fork(), id));
    },

    async listAccounts(request, context) {
      requireAdmin(await authenticate(context));
      return listAccounts(database.em.fork(), request);
    },
  } satisfies Partial<Handlers<AccountServiceService>>;
}

/** Manages accounts. For administrators only, except that others read their own account. */
export function createAccountService(options: AccountServiceOptions): Handlers<AccountServiceService> {
  const { database, authenticate, accessTokenSeconds } = options;
  const setBlock = async (name: string, blockExpireTime: Date | null, blockReason: string) => {
    const id = requireResourceName('accounts', 'name', name);
    const row = await writeAccount(database, { id }, async (em) =>
      em.assign(await lockAccount(em, id), { blockExpireTime, blockReason }),
    );
    return toAccountMessage(row);
  };
  return {
    ...createAccountReader(options),
    ...createPlanChangeHandlers('accounts', options),

    async createAccount(request, context) {
      requireAdmin(await authenticate(context));
      return toAccountMessage(await createAccount(request, database));
    },

    async updateAccount(request, context) {
      requireAdmin(await authenticate(context));
      return toAccountMessage(await updateAccount(request, database, accessTokenSeconds));
    },

    async deleteAccount({ name }, context) {
      requireAdmin(await authenticate(context));
      await deleteAccount(database, name, accessTokenSeconds);
      return {};
    },

    async blockAccount(request, context) {
      requireAdmin(await authenticate(context));
      const { seconds, reason } = readBlock(request);
      return setBlock(request.name, new Date(Date.now() + seconds * 1000), reason);
    },

    async unblockAccount({ name }, context) {
      requireAdmin(await authenticate(context));
      return setBlock(name, null, '');
    },

    async createPasswordReset(request, context) {
      requireAdmin(await authenticate(context));
      return createPasswordReset(request, database);
    },

    async createEmailVerification({ name }, context) {
      requireAdmin(await authenticate(context));
      return createEmailVerification(name, database);
    },
  };
}

async function createAccount(request: CreateAccountRequest, database: Database): Promise<AccountEntity> {
  const { id = randomUUID(), password, ...values } = await readNewAccount(request);
  const passwordHash = password === undefined ? null : await hashPassword(password);
  const unset = {
    blockExpireTime: null,
    lastSignInTime: null,
    deleteTime: null,
    pendingEmail: null,
    verifyBeforeTime: null,
    ...NO_TOTP,
  };
  const created = { id, passwordHash, ...values, ...unset };
  return writeAccount(database, created, async (em) => em.create(AccountEntity, created));
}
