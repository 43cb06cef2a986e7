import { defineQuotaTests } from './scenarios/quotas.ts';

/** `npm run test:chaos` also kills all nodes and Redis together, which takes longer than a checkpoint. */
defineQuotaTests(true);
