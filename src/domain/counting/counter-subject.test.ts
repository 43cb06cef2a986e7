import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatDescriptorSubject, formatSubject, parseSubject, ruleOfSubject } from './counter-subject.ts';

const part = fc.oneof(fc.string(), fc.stringMatching(/^[|%25C7]*$/));

/** Inverts the escaping that formatSubject documents. */
const splitSubject = (subject: string) =>
  subject.split('|').map((part) => part.replaceAll('%7C', '|').replaceAll('%25', '%'));

it('a subject can be split into its parts again, so different parts never share a counter', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1 }), (parts) => {
      expect(splitSubject(formatSubject(...parts))).toEqual(parts);
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

it('the rule of a subject is its domain and its keys, whatever the values', () => {
  const key = fc.constantFrom('device', 'route', 'remote_address');
  fc.assert(
    fc.property(fc.array(fc.record({ key, value: part }), { maxLength: 4 }), (entries) => {
      const subject = formatDescriptorSubject('edge', entries);
      expect(ruleOfSubject(subject)).toBe(['edge', ...entries.map(({ key }) => key)].join('.'));
    }),
  );
  for (const subject of ['key|k1', 'account|a', 'token||t']) expect(ruleOfSubject(subject)).toBeUndefined();
});

it('the owner of a subject is the account, key, token or descriptor that it was written for', () => {
  fc.assert(
    fc.property(part, part, fc.array(fc.record({ key: part, value: part })), (id, other, entries) => {
      expect(parseSubject(formatSubject('account', id))).toEqual({ kind: 'account', id });
      expect(parseSubject(formatSubject('key', id, 'own'))).toEqual({ kind: 'key', id });
      expect(parseSubject(formatSubject('token', other, id))).toEqual({ kind: 'token', id });
      expect(parseSubject(formatDescriptorSubject(id, entries))).toEqual({ kind: 'rule', domain: id, entries });
    }),
  );
});
