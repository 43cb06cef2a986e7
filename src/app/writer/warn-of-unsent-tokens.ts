import type { Config } from '../../config/config.ts';
import type { WarningLogger } from '../../interfaces/logger.ts';
import type { Query } from '../../interfaces/query.ts';

/** Warns that nobody gets the tokens that REGISTRATION=verified needs: no webhook sends them. */
export async function warnOfUnsentTokens(
  { registration }: Pick<Config, 'registration'>,
  query: Query,
  log: WarningLogger,
): Promise<void> {
  if (registration !== 'verified') return;
  const type = 'email_verification.requested';
  const [row] = await query('select is_event_wanted(?, true) as wanted', [type]);
  if ((row as { wanted: boolean }).wanted) return;
  log.warn(
    { variable: 'REGISTRATION', eventType: type },
    'REGISTRATION is verified, but no webhook gets the tokens that verify addresses; create one, or let administrators ' +
      'create the tokens with AccountService/CreateEmailVerification',
  );
}
