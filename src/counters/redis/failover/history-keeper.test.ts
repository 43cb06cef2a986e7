import { describe, expect, it } from 'vitest';
import { PackedReply } from '../batch/packed-reply.ts';
import type { Shards } from '../topology/shards.ts';
import { HistoryKeeper } from './history-keeper.ts';

/** A sequence of the first epoch that a server has. */
const FIRST = 2 ** 40 + 1;
/** Index of the argument of the history script that says whether the tag may have moved. */
const MAY_HAVE_MOVED = 3;

interface Cluster {
  server: string;
  incarnation: number;
  /** Whether the former master of the group answers. */
  isFormerAlive: boolean;
  sequence: number;
  /** Runs while a server has been asked and has not replied yet. */
  whileAsked: () => void;
}

/** A history that began long ago, so that nobody waits for others. */
function packHistory(sequence: number): PackedReply {
  const bytes = Buffer.alloc(27);
  bytes.writeUIntBE(2_000_000_000, 1, 6); // time
  bytes.writeUInt8(Math.floor(sequence / 2 ** 48), 7);
  bytes.writeUIntBE(sequence % 2 ** 48, 8, 6);
  bytes.writeUIntBE(2, 21, 3); // shorter
  bytes.writeUIntBE(1, 24, 3); // nodes that have charged again
  return new PackedReply(bytes);
}

function openKeeper() {
  const cluster: Cluster = {
    server: 'a:1',
    incarnation: 1,
    isFormerAlive: false,
    sequence: FIRST,
    whileAsked: () => undefined,
  };
  const asked: { readonly server: string; readonly mayHaveMoved: unknown }[] = [];
  const shards: Shards = {
    ready: true,
    groupCount: 1,
    groupForTag: () => 0,
    incarnationFor: () => cluster.incarnation,
    serverFor: () => cluster.server,
    canHaveMoved: () => cluster.isFormerAlive,
    canSend: () => true,
    run: (_script, _group, { args }) => {
      asked.push({ server: cluster.server, mayHaveMoved: args[MAY_HAVE_MOVED] });
      cluster.whileAsked();
      return Promise.resolve(packHistory(cluster.sequence));
    },
    close: () => Promise.resolve(),
  };
  const keeper = new HistoryKeeper({
    shards,
    keyPrefix: 'weir',
    node: 'node',
    liveNodes: () => 1,
    onLoss: () => undefined,
    onError: (error) => {
      throw error;
    },
  });
  const move = (server: string, sequence = cluster.sequence) =>
    Object.assign(cluster, { server, sequence, incarnation: cluster.incarnation + 1, whileAsked: () => undefined });
  return { cluster, asked, keeper, move };
}

describe('the keeper of histories', () => {
  it('takes another master for one that a slot moved to only while the former one answers', async () => {
    const { cluster, asked, keeper, move } = openKeeper();
    await keeper.admit(0);
    move('b:1');
    cluster.isFormerAlive = true;
    await keeper.admit(0);
    move('c:1');
    cluster.isFormerAlive = false;
    await keeper.admit(0);
    expect(asked).toEqual([
      { server: 'a:1', mayHaveMoved: 0 },
      { server: 'b:1', mayHaveMoved: 1 },
      { server: 'c:1', mayHaveMoved: 0 },
    ]);
  });

  it('opens the history again if the group has got another master meanwhile', async () => {
    const { cluster, asked, keeper, move } = openKeeper();
    cluster.whileAsked = () => move('b:1');
    await keeper.admit(0);
    expect(keeper.isOpen(0)).toBe(false);
    await keeper.admit(0);
    expect(keeper.isOpen(0)).toBe(true);
    expect(asked.map(({ server }) => server)).toEqual(['a:1', 'b:1']);
  });

  it('reports what replaced a server that still replies, with all that it has executed since', async () => {
    const { keeper, move } = openKeeper();
    await keeper.admit(0);
    const successor = 2 * 2 ** 40 + 1;
    move('b:1', successor);
    await expect(keeper.admit(0)).rejects.toThrow('Redis has lost counters');
    await keeper.waitUntilReleased(0);
    expect(keeper.note(0, successor + 5)).toBeUndefined();
    expect(keeper.note(0, FIRST + 9)).toMatchObject({ sequence: successor + 5, kind: 'shorter' });
  });
});
