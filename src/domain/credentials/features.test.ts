import { expect, it } from 'vitest';
import { parseFeatures } from './features.ts';

it('accepts names in lower case', () => {
  expect(parseFeatures(['export', 'beta-2', 'bulk_upload'])).toEqual(['export', 'beta-2', 'bulk_upload']);
});

it.each(['', 'Export', 'a b', 'a,b', 'ä', 'x'.repeat(64), 7, null])('rejects the name %j', (name) => {
  expect(parseFeatures(['export', name])).toMatchObject({ faults: [{ field: 'features[1]' }] });
});

it('rejects repeated features, and more than 64', () => {
  expect(parseFeatures(['a', 'b', 'a'])).toMatchObject({ faults: [{ field: 'features[2]' }] });
  const many = Array.from({ length: 65 }, (_, index) => `f${index}`);
  expect(parseFeatures(many)).toMatchObject({ faults: [{ field: 'features' }] });
});
