import { describe, expect } from 'vitest';
import { test } from '../../../support/fixtures.ts';
import { askInOrder, CONFIGURATIONS } from './configurations.ts';

const it = test.override(
  'rules',
  Object.fromEntries(CONFIGURATIONS.map(({ domain, text }) => [`${domain}.yaml`, text])),
);

describe('configurations from the documentation of envoyproxy/ratelimit behave as documented there', () => {
  for (const { domain, questions } of CONFIGURATIONS) {
    it.for(questions)(`${domain}: $about`, async ({ requests, expected }, { node }) => {
      expect(await askInOrder(node.decision, domain, requests)).toEqual(expected);
    });
  }
});
