import { Redis } from 'ioredis';
import type { ConnectionSettings } from './connection-settings.ts';

/** Opens an ioredis connection. Each time that it connects again, it signs in with the login that is in force then. */
export function openClient({ options, readLogin }: ConnectionSettings) {
  const { username, password } = readLogin();
  const login = { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
  const client = new Redis({ ...options, ...login });
  // ioredis reads its options when it connects. Open connections stay signed in.
  client.on('close', () => Object.assign(client.options, readLogin()));
  return client;
}
