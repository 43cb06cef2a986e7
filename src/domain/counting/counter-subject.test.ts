import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatDescriptorSubject, formatSubject } from './counter-subject.ts';

const part = fc.oneof(fc.string(), fc.stringMatching(/^[|%25C7]*$/));

/** Inverts the escaping that formatSubject documents. */
const parseSubject = (subject: string) =>
  subject.split('|').map((part) => part.replaceAll('%7C', '|').replaceAll('%25', '%'));

it('a subject can be split into its parts again, so different parts never share a counter', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1 }), (parts) => {
      expect(parseSubject(formatSubject(...parts))).toEqual(parts);
    }),
  );
});

it('the subject of a rule’s counter consists of the domain, and the keys and values of the entries', () => {
  fc.assert(
    fc.property(part, fc.array(fc.record({ key: part, value: part })), (domain, entries) => {
      const parts = entries.flatMap(({ key, value }) => [key, value]);
      expect(formatDescriptorSubject(domain, entries)).toBe(formatSubject('rule', domain, ...parts));
    }),
  );
});
