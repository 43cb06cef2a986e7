import { expect, it } from 'vitest';
import { formatSecurityTxt } from './security-txt.ts';

it('names the contact and expires within a year, at the start of a day', () => {
  const text = formatSecurityTxt('mailto:security@example.com', Date.UTC(2026, 0, 1, 12));
  expect(text).toBe('Contact: mailto:security@example.com\nExpires: 2026-06-30T00:00:00.000Z\n');
});
