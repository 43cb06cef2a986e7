import { openRedis } from './clocked-stores.ts';
import { describeCounterStore } from './counter-store-contract.ts';
import { describeSubjectsTogether } from './decisions.ts';

describeCounterStore('a Redis store', openRedis, describeSubjectsTogether);
