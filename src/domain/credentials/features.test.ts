import { expect, it } from 'vitest';
import { parseFeatures } from './features.ts';

it('accepts names as they occur in OAuth scopes', () => {
  const scopes = ['export', 'beta-2', 'Export', 'read:orders', 'https://www.googleapis.com/auth/drive.file', 'a,b'];
  expect(parseFeatures(scopes)).toEqual(scopes);
  expect(parseFeatures(['x'.repeat(255)])).toHaveLength(1);
});

it.each(['', 'a b', 'a"b', 'a\\b', 'a\n', 'ä', 'x'.repeat(256), 7, null])('rejects the name %j', (name) => {
  expect(parseFeatures(['export', name])).toMatchObject({ faults: [{ field: 'features[1]' }] });
});

it('rejects repeated features, and more than 64', () => {
  expect(parseFeatures(['a', 'b', 'a'])).toMatchObject({ faults: [{ field: 'features[2]' }] });
  const many = Array.from({ length: 65 }, (_, index) => `f${index}`);
  expect(parseFeatures(many)).toMatchObject({ faults: [{ field: 'features' }] });
});
