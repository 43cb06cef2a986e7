import { Migration20261121000000_catalog } from './Migration20261121000000_catalog.ts';
import { Migration20261121010000_token_trust } from './Migration20261121010000_token_trust.ts';
import { Migration20261121020000_api_key_lists } from './Migration20261121020000_api_key_lists.ts';
import { Migration20261121025000_words_cost } from './Migration20261121025000_words_cost.ts';

/**
 * All migrations, in order: a list, not a folder that is searched, so that it is the same from src/ and from dist/.
 * Each only adds (expand), so that the version before it goes on running beside it; what nobody uses any more is taken
 * away by a later one (contract).
 */
export const migrations = [
  Migration20261121000000_catalog,
  Migration20261121010000_token_trust,
  Migration20261121020000_api_key_lists,
  Migration20261121025000_words_cost,
];
