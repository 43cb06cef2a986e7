const LONGEST_URL = 2_048;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * What is wrong with a URL that keys are fetched from, or undefined. Over http anybody on the way could put in keys of
 * their own, so that is for this machine only.
 */
export function keyLocationFault(text: string): string | undefined {
  const url = text.length <= LONGEST_URL && URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (url === undefined || !isSafe)
    return 'must be an https URL, or an http one of this machine (localhost, 127.0.0.1)';
  if (url.username !== '' || url.password !== '') return 'must not hold a user or a password';
  if (url.hash !== '') return 'must have no fragment';
  return undefined;
}
