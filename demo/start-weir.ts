import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../provision/free-port.ts';
import { Child } from './server-process.ts';

const PROGRAM = fileURLToPath(new URL('../dist/src/main.js', import.meta.url));
const RULES = fileURLToPath(new URL('rules.yaml', import.meta.url));

export const ADMINISTRATOR = { email: 'admin@example.com', password: 'demo-password' };

export interface Weir {
  readonly decisionPort: number;
  readonly adminAddress: string;
  stop(): Promise<void>;
}

/** Starts the built Weir as its users do, with a data folder and ports of its own: embedded Postgres, counters in memory. */
export async function startWeir(): Promise<Weir> {
  const [decisionPort, adminPort, httpPort] = [await freePort(), await freePort(), await freePort()];
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-demo-'));
  // As root, Postgres runs as a user of its own: what that one cannot reach would be kept elsewhere, and stay there.
  await chmod(folder, 0o755);
  const child = new Child('weir', process.execPath, [PROGRAM, 'serve'], {
    PATH: process.env.PATH,
    DECISION_ADDRESS: `127.0.0.1:${decisionPort}`,
    ADMIN_ADDRESS: `127.0.0.1:${adminPort}`,
    HTTP_ADDRESS: `127.0.0.1:${httpPort}`,
    DATA_DIR: path.join(folder, 'data'),
    RULES_PATH: RULES,
    ADMIN_EMAIL: ADMINISTRATOR.email,
    ADMIN_PASSWORD: ADMINISTRATOR.password,
  });
  const stop = async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await child.untilReady(`http://127.0.0.1:${httpPort}/readyz`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { decisionPort, adminAddress: `127.0.0.1:${adminPort}`, stop };
}
