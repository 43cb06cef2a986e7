import fc from 'fast-check';
import { expect, it } from 'vitest';
import { partsOf, subjectOf } from './counter-key.ts';

it('a subject gives its parts back, so no two lists of parts are one counter', () => {
  const part = fc.oneof(fc.string(), fc.stringMatching(/^[|%25C7]*$/));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1 }), (parts) => {
      expect(partsOf(subjectOf(...parts))).toEqual(parts);
    }),
  );
});
