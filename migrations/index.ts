import { Migration20261121000000_catalog } from './Migration20261121000000_catalog.ts';
import { Migration20261121010000_token_trust } from './Migration20261121010000_token_trust.ts';
import { Migration20261121020000_api_key_lists } from './Migration20261121020000_api_key_lists.ts';
import { Migration20261121025000_words_cost } from './Migration20261121025000_words_cost.ts';
import { Migration20261129160000_issuer_audiences } from './Migration20261129160000_issuer_audiences.ts';
import { Migration20261129163000_insecure_http } from './Migration20261129163000_insecure_http.ts';
import { Migration20261129223000_imported_keys } from './Migration20261129223000_imported_keys.ts';
import { Migration20261129230000_session_grace } from './Migration20261129230000_session_grace.ts';
import { Migration20261129231000_api_key_search } from './Migration20261129231000_api_key_search.ts';
import { Migration20261129234500_issued_tokens } from './Migration20261129234500_issued_tokens.ts';
import { Migration20261129235000_receipt_keys } from './Migration20261129235000_receipt_keys.ts';
import { Migration20261130050000_accounts } from './Migration20261130050000_accounts.ts';
import { Migration20261130051000_account_lists } from './Migration20261130051000_account_lists.ts';
import { Migration20261130051500_audit } from './Migration20261130051500_audit.ts';
import { Migration20261130051600_devices } from './Migration20261130051600_devices.ts';
import { Migration20261130052000_key_bounds } from './Migration20261130052000_key_bounds.ts';
import { Migration20261130054500_sign_up } from './Migration20261130054500_sign_up.ts';
import { Migration20261130055400_sign_in_networks } from './Migration20261130055400_sign_in_networks.ts';
import { Migration20261130055500_request_ids } from './Migration20261130055500_request_ids.ts';
import { Migration20261130061000_purge } from './Migration20261130061000_purge.ts';
import { Migration20261130063500_totp } from './Migration20261130063500_totp.ts';
import { Migration20261130105500_checkpoints } from './Migration20261130105500_checkpoints.ts';
import { Migration20261130105500_plan_changes } from './Migration20261130105500_plan_changes.ts';
import { Migration20261130110000_time_partitions } from './Migration20261130110000_time_partitions.ts';
import { Migration20261130111000_usage } from './Migration20261130111000_usage.ts';
import { Migration20261130113000_limit_thresholds } from './Migration20261130113000_limit_thresholds.ts';
import { Migration20261130114500_webhooks } from './Migration20261130114500_webhooks.ts';
import { Migration20261130115000_superseded_limits } from './Migration20261130115000_superseded_limits.ts';
import { Migration20261130115100_verification_passwords } from './Migration20261130115100_verification_passwords.ts';
import { Migration20261130120000_usage_roll_up } from './Migration20261130120000_usage_roll_up.ts';
import { Migration20261130120500_request_log } from './Migration20261130120500_request_log.ts';
import { Migration20261130154000_superseded_limits_of_holders } from './Migration20261130154000_superseded_limits_of_holders.ts';
import { Migration20261130155500_stripe_events } from './Migration20261130155500_stripe_events.ts';
import { Migration20261130160500_active_accounts } from './Migration20261130160500_active_accounts.ts';
import { Migration20261130160500_device_lists } from './Migration20261130160500_device_lists.ts';
import { Migration20261130203000_usage_totals } from './Migration20261130203000_usage_totals.ts';

/**
 * All migrations, in order. A list and not a folder to search, so that it is the same for src/ and for dist/. A
 * migration only adds (expand), so that the previous version keeps running next to the new one. A later migration
 * removes what is no longer used (contract).
 */
export const migrations = [
  Migration20261121000000_catalog,
  Migration20261121010000_token_trust,
  Migration20261121020000_api_key_lists,
  Migration20261121025000_words_cost,
  Migration20261129160000_issuer_audiences,
  Migration20261129163000_insecure_http,
  Migration20261129223000_imported_keys,
  Migration20261129230000_session_grace,
  Migration20261129231000_api_key_search,
  Migration20261129234500_issued_tokens,
  Migration20261129235000_receipt_keys,
  Migration20261130050000_accounts,
  Migration20261130051000_account_lists,
  Migration20261130051500_audit,
  Migration20261130051600_devices,
  Migration20261130052000_key_bounds,
  Migration20261130054500_sign_up,
  Migration20261130055400_sign_in_networks,
  Migration20261130055500_request_ids,
  Migration20261130061000_purge,
  Migration20261130063500_totp,
  Migration20261130105500_checkpoints,
  Migration20261130105500_plan_changes,
  Migration20261130110000_time_partitions,
  Migration20261130111000_usage,
  Migration20261130113000_limit_thresholds,
  Migration20261130114500_webhooks,
  Migration20261130115000_superseded_limits,
  Migration20261130115100_verification_passwords,
  Migration20261130120000_usage_roll_up,
  Migration20261130120500_request_log,
  Migration20261130154000_superseded_limits_of_holders,
  Migration20261130155500_stripe_events,
  Migration20261130160500_device_lists,
  Migration20261130160500_active_accounts,
  Migration20261130203000_usage_totals,
];
