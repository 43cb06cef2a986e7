// A worker that writes how many bytes V8 keeps for new objects.
import { getHeapSpaceStatistics } from 'node:v8';

const newSpace = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
process.stdout.write(`${newSpace?.space_size}\n`);
process.disconnect();
