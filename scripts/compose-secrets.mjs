// npm run compose:secrets: makes the secrets of docker-compose.yml, in the file .env of the working directory. Never
// changes a file that exists: it may hold the only copy of the secrets. Runs on Node 20 and newer.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = '.env';
/** The prefix keeps them apart from variables that `npm start` reads from the same file. */
const NAMES = [
  'COMPOSE_POSTGRES_PASSWORD',
  'COMPOSE_VALKEY_PASSWORD',
  'COMPOSE_ADMIN_PASSWORD',
  'COMPOSE_KEY_PEPPER',
  'COMPOSE_SIGNING_KEY_SECRET',
];

const HEADER = `# Secrets of docker-compose.yml, made by npm run compose:secrets. Keep a copy: without COMPOSE_KEY_PEPPER no API key
# works, and without COMPOSE_SIGNING_KEY_SECRET no token that Weir has issued.
`;

try {
  const lines = NAMES.map((name) => `${name}=${randomBytes(32).toString('hex')}\n`);
  // wx fails if the file exists.
  writeFileSync(FILE, HEADER + lines.join(''), { flag: 'wx', mode: 0o600 });
  console.log(`wrote ${NAMES.length} secrets to ${FILE}; the password of the administrator is COMPOSE_ADMIN_PASSWORD`);
} catch (error) {
  if (error.code !== 'EEXIST') throw error;
  const text = readFileSync(FILE, 'utf8');
  const missing = NAMES.filter((name) => !new RegExp(`^${name}=.`, 'm').test(text));
  if (missing.length === 0) {
    console.log(`${FILE} has all secrets; nothing changed`);
  } else {
    console.error(`${FILE} exists and was not changed. Add a value for each of these names, such as the output of`);
    console.error(`openssl rand -hex 32: ${missing.join(', ')}`);
    process.exitCode = 1;
  }
}
