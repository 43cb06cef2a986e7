import { openRedis } from './clocked-stores.ts';
import { describeSubjectsTogether } from './contract-decisions.ts';
import { describeCounterStore } from './counter-store-contract.ts';

describeCounterStore('counters in Redis', openRedis, describeSubjectsTogether);
