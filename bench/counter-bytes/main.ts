// npm run counter-bytes: what a counter takes in memory and in Redis. See docs/guarantees.md.

import { machineLine } from '../report/benchmarks-page.ts';
import { describeMachine } from '../report/machine.ts';
import { writeMarkedPart } from '../report/marked-section.ts';
import { table } from '../report/tables.ts';
import { FILLINGS, NAMINGS } from './fill.ts';
import { bytesInMemory, COUNTERS_IN_MEMORY } from './in-memory.ts';
import { bytesInRedis, COUNTERS_IN_REDIS } from './in-redis.ts';

const inMemory: string[][] = [];
const inRedis: string[][] = [];
for (const [place, filling] of FILLINGS.entries()) {
  process.stderr.write(`counter-bytes: ${filling.name}\n`);
  const { store, heap, resident } = bytesInMemory(place);
  inMemory.push([filling.name, ...[store, heap, resident].map(whole)]);
  for (const naming of NAMINGS) {
    const { used, key, value } = await bytesInRedis(filling, naming);
    inRedis.push([filling.name, naming.name, ...[key, value, used].map(whole)]);
  }
}
const text = [
  `\`npm run counter-bytes\` on ${machineLine(describeMachine())}.`,
  `**In memory**, bytes a counter of ${COUNTERS_IN_MEMORY.toLocaleString('en')}, name and all`,
  table(['filling', 'MemoryStore.bytes', 'heap and buffers', 'resident'], inMemory, 1),
  `**In Redis**, bytes a counter of ${COUNTERS_IN_REDIS.toLocaleString('en')}`,
  table(['filling', 'subject', 'key', 'value', '`used_memory`, key and all'], inRedis, 2),
].join('\n\n');
writeMarkedPart(new URL('../../docs/guarantees.md', import.meta.url), 'counter-bytes', text);
process.stdout.write(`${text}\n`);

function whole(bytes: number): string {
  return bytes.toFixed(0);
}
