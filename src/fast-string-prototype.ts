/** More than V8 waits for before it notes what a piece of code reads. */
const LOOKS = 100;

/**
 * Lets V8 compile what reads strings. ioredis extends String, and an object that becomes the prototype of another is kept
 * as a dictionary until something is read of it or through it: until then `charCodeAt` is looked up for each character,
 * in compiled code too, as reading strings themselves does not count. Once looked at it stays as it was.
 */
export function keepStringPrototypeFast(): void {
  for (let look = 0; look < LOOKS; look++) readCharCodeAt(String.prototype);
}

function readCharCodeAt(text: { readonly charCodeAt: unknown }): unknown {
  return text.charCodeAt;
}
