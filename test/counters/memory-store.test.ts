import { openMemory } from './clocked-stores.ts';
import { describeSubjectsTogether } from './contract-decisions.ts';
import { describeCounterStore } from './counter-store-contract.ts';

describeCounterStore('counters in memory', openMemory, describeSubjectsTogether);
