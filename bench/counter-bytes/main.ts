// npm run counter-bytes: measures the bytes of a counter in memory and in Redis, and writes its section of
// docs/guarantees.md.
import { describeMachine, formatMachine } from '../report/machine.ts';
import { formatTable } from '../report/markdown-table.ts';
import { writeMarkedSection } from '../report/marked-section.ts';
import { formatCount } from '../report/result-tables.ts';
import { FILLINGS, NAMINGS } from './fill-counters.ts';
import { COUNTERS_IN_MEMORY, measureInMemory } from './in-memory.ts';
import { COUNTERS_IN_REDIS, measureInRedis } from './in-redis.ts';

const GUARANTEES = new URL('../../docs/guarantees.md', import.meta.url);

const memoryRows: string[][] = [];
const redisRows: string[][] = [];
for (const [index, filling] of FILLINGS.entries()) {
  process.stderr.write(`counter-bytes: ${filling.name}\n`);
  const { store, heap, resident } = measureInMemory(index);
  memoryRows.push([filling.name, ...[store, heap, resident].map(formatBytes)]);
  for (const naming of NAMINGS) {
    const { used, key, value } = await measureInRedis(filling, naming);
    redisRows.push([filling.name, naming.name, ...[key, value, used].map(formatBytes)]);
  }
}
const text = [
  `\`npm run counter-bytes\` on ${formatMachine(describeMachine())}.`,
  `**In memory**: bytes per counter, name included, with ${formatCount(COUNTERS_IN_MEMORY)} counters`,
  formatTable(['filling', 'MemoryStore.bytes', 'heap and buffers', 'resident'], memoryRows, 1),
  `**In Redis**: bytes per counter, with ${formatCount(COUNTERS_IN_REDIS)} counters`,
  formatTable(['filling', 'subject', 'key', 'value', '`used_memory`, key included'], redisRows, 2),
].join('\n\n');
writeMarkedSection(GUARANTEES, 'counter-bytes', text);
process.stdout.write(`${text}\n`);

function formatBytes(bytes: number): string {
  return bytes.toFixed(0);
}
