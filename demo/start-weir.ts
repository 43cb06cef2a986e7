import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../provision/free-port.ts';
import { ServerProcess } from './server-process.ts';

const PROGRAM = fileURLToPath(new URL('../dist/src/main.js', import.meta.url));
const RULES = fileURLToPath(new URL('rules.yaml', import.meta.url));

export const ADMINISTRATOR = { email: 'admin@example.com', password: 'demo-password' };

export interface Weir {
  readonly decisionPort: number;
  readonly adminAddress: string;
  stop(): Promise<void>;
}

/**
 * Starts the built Weir like a user does, with an embedded Postgres and counters in memory. Its ports are free ones.
 * Its data folder is temporary: `stop` removes it.
 */
export async function startWeir(): Promise<Weir> {
  const [decisionPort, adminPort, httpPort] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-demo-'));
  // If this process is root, Postgres runs as another user. A folder that this user cannot enter would make Weir keep
  // the data elsewhere, and `stop` would not remove it.
  await chmod(folder, 0o755);
  const server = new ServerProcess('weir', process.execPath, [PROGRAM, 'serve'], {
    PATH: process.env.PATH,
    DECISION_ADDRESS: `127.0.0.1:${decisionPort}`,
    ADMIN_ADDRESS: `127.0.0.1:${adminPort}`,
    HTTP_ADDRESS: `127.0.0.1:${httpPort}`,
    DATA_DIR: path.join(folder, 'data'),
    RULES_PATH: RULES,
    USAGE_FLUSH_INTERVAL: '1s',
    ADMIN_EMAIL: ADMINISTRATOR.email,
    ADMIN_PASSWORD: ADMINISTRATOR.password,
  });
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await server.waitUntilReady(`http://127.0.0.1:${httpPort}/readyz`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { decisionPort, adminAddress: `127.0.0.1:${adminPort}`, stop };
}
