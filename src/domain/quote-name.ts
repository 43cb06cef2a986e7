const NAME = /^[a-z][a-z_.]{0,39}$/i;

/**
 * What stands where the name of something belongs, in quotes, for an error to tell; an ellipsis where it does not look
 * like a name: it may be a secret that was put in the wrong place, and errors are logged.
 */
export function quoteName(text: string): string {
  return NAME.test(text) ? `"${text}"` : '"…"';
}
