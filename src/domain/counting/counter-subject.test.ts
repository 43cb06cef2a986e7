import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatDescriptorSubject, formatSubject } from './counter-subject.ts';

const part = fc.oneof(fc.string(), fc.stringMatching(/^[|%25C7]*$/));

/** By the rule that subjectOf states. */
const partsOf = (subject: string) =>
  subject.split('|').map((each) => each.replaceAll('%7C', '|').replaceAll('%25', '%'));

it('a subject gives its parts back, so no two lists of parts are one counter', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1 }), (parts) => {
      expect(partsOf(formatSubject(...parts))).toEqual(parts);
    }),
  );
});

it('a rule’s subject is its domain, and the keys and values of its entries', () => {
  fc.assert(
    fc.property(part, fc.array(fc.record({ key: part, value: part })), (domain, entries) => {
      const parts = entries.flatMap(({ key, value }) => [key, value]);
      expect(formatDescriptorSubject(domain, entries)).toBe(formatSubject('rule', domain, ...parts));
    }),
  );
});
