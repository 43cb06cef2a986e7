import { openMemory } from './clocked-stores.ts';
import { describeCounterStore } from './counter-store-contract.ts';

describeCounterStore('counters in memory', openMemory);
