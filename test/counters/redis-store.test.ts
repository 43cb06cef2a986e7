import { openRedis } from './clocked-stores.ts';
import { describeCounterStore } from './counter-store-contract.ts';

describeCounterStore('counters in Redis', openRedis);
