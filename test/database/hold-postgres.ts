// node test/database/hold-postgres.ts FOLDER: starts the embedded Postgres in the folder, prints its URL and keeps running.
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.ts';

const [dataFolder = ''] = process.argv.slice(2);
const log = { info: () => {}, warn: () => {}, error: () => {} };
const { url } = await startEmbeddedPostgres({ dataFolder, log, settings: { fsync: 'off' } });
console.log(url);
