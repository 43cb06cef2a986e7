import { describe, expect, it } from 'vitest';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import { OpenRooms } from './open-rooms.ts';

const REFRESH = 'AuthService/RefreshToken';

/** Begins calls that do not end. Returns the number of those without room. */
function enter(rooms: OpenRooms, method: string, peers: readonly string[], isTrusted = false): number {
  return peers.filter((peer) => rooms.enter(method, clientNetwork(peer), isTrusted) === undefined).length;
}

const repeat = (count: number, peer: string) => Array<string>(count).fill(peer);
const networks = (count: number) => Array.from({ length: count }, (_, index) => `192.0.2.${index}`);

describe('calls that need no access token', () => {
  it('are bounded for each client, which is a /64 network in IPv6', () => {
    const rooms = new OpenRooms();
    const ofNetwork = Array.from({ length: 20 }, (_, index) => `2001:db8::${index}`);
    expect(enter(rooms, REFRESH, ofNetwork)).toBe(4);
    expect(enter(rooms, REFRESH, repeat(20, '192.0.2.1'))).toBe(4);
    expect(enter(rooms, 'AuthService/Login', repeat(20, '192.0.2.1'))).toBe(4);
  });

  it('are bounded in all, and leave room for calls with a token, sign-ins, trusted networks and the brake', () => {
    const rooms = new OpenRooms();
    expect(enter(rooms, REFRESH, networks(100))).toBe(36);
    expect(enter(rooms, 'PlanService/ListPlans', networks(100))).toBe(0);
    expect(enter(rooms, 'AuthService/Login', networks(100))).toBe(0);
    expect(enter(rooms, 'TokenInfoService/DisableToken', networks(100))).toBe(0);
    expect(enter(rooms, REFRESH, ['198.51.100.1'])).toBe(1);
    expect(enter(rooms, REFRESH, ['198.51.100.1'], true)).toBe(0);
  });

  it('make room when they end', () => {
    const rooms = new OpenRooms();
    const [first] = repeat(16, '192.0.2.1').map((network) => rooms.enter(REFRESH, network, false));
    expect(rooms.enter(REFRESH, '192.0.2.1', false)).toBeUndefined();
    first?.();
    expect(rooms.enter(REFRESH, '192.0.2.1', false)).toBeDefined();
  });
});
