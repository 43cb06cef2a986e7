import { describe, expect } from 'vitest';
import { test } from '../../../support/fixtures.ts';
import { CONFIGURATIONS, sendInOrder } from './configurations.ts';

const it = test.override(
  'rules',
  Object.fromEntries(CONFIGURATIONS.map(({ domain, text }) => [`${domain}.yaml`, text])),
);

describe('configurations from the documentation of envoyproxy/ratelimit behave as documented there', () => {
  for (const { domain, scenarios } of CONFIGURATIONS) {
    it.for(scenarios)(`${domain}: $title`, async ({ requests, expected }, { node }) => {
      expect(await sendInOrder(node.decision, domain, requests)).toEqual(expected);
    });
  }
});
