import { createHeaderField, type HeaderField } from './header-field.ts';

/** The static table (RFC 7541, appendix A), each field as `name` or `name=value`. The first field has index 1. */
export const STATIC_TABLE: readonly HeaderField[] = [
  ':authority',
  ':method=GET',
  ':method=POST',
  ':path=/',
  ':path=/index.html',
  ':scheme=http',
  ':scheme=https',
  ':status=200',
  ':status=204',
  ':status=206',
  ':status=304',
  ':status=400',
  ':status=404',
  ':status=500',
  'accept-charset',
  'accept-encoding=gzip, deflate',
  ...'accept-language accept-ranges accept access-control-allow-origin age allow authorization'.split(' '),
  ...'cache-control content-disposition content-encoding content-language content-length content-location'.split(' '),
  ...'content-range content-type cookie date etag expect expires from host if-match if-modified-since'.split(' '),
  ...'if-none-match if-range if-unmodified-since last-modified link location max-forwards'.split(' '),
  ...'proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie'.split(' '),
  ...'strict-transport-security transfer-encoding user-agent vary via www-authenticate'.split(' '),
].map((line) => {
  const [name = '', value = ''] = line.split('=');
  return createHeaderField(name, value);
});

/**
 * Finds the index of the first static field with this name (`nameIndex`), and of the one with this name and value
 * (`fieldIndex`). 0 means that the table has no such field.
 */
export function findStaticIndex(name: string, value: string): { fieldIndex: number; nameIndex: number } {
  const nameIndex = STATIC_TABLE.findIndex((field) => field.name === name) + 1;
  const fieldIndex = STATIC_TABLE.findIndex((field) => field.name === name && field.value === value) + 1;
  return { fieldIndex, nameIndex };
}
