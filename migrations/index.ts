import { Migration20261121000000_catalog } from './Migration20261121000000_catalog.ts';
import { Migration20261121010000_token_trust } from './Migration20261121010000_token_trust.ts';
import { Migration20261121020000_api_key_lists } from './Migration20261121020000_api_key_lists.ts';
import { Migration20261121025000_words_cost } from './Migration20261121025000_words_cost.ts';
import { Migration20261129160000_issuer_audiences } from './Migration20261129160000_issuer_audiences.ts';
import { Migration20261129163000_insecure_http } from './Migration20261129163000_insecure_http.ts';

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
];
