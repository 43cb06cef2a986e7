import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { Config } from '../../config/config.ts';
import { nameVariable } from '../name-variable.ts';

/**
 * Checks that the servers of both planes can listen on their addresses, and that no two of them have the same one. Rejects with an
 * error that names the variable. Run this before the first start creates an administrator, whose generated password is
 * shown only once: a start that fails afterwards would have shown it in vain.
 */
export async function checkAddresses({ role, adminAddress, decisionAddress }: Config): Promise<void> {
  const addresses = [
    { variable: 'ADMIN_ADDRESS', address: adminAddress },
    ...(role === 'admin' ? [] : [{ variable: 'DECISION_ADDRESS', address: decisionAddress }]),
  ];
  const servers: Server[] = [];
  try {
    for (const { variable, address } of addresses) {
      const server = createServer();
      servers.push(server);
      server.listen(address.port, address.host);
      await nameVariable(variable, once(server, 'listening'));
    }
  } finally {
    await Promise.all(servers.filter((server) => server.listening).map(closeServer));
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
