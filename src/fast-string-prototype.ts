/** V8 optimises a property read after fewer reads than this. */
const READS = 100;

/**
 * Makes reading strings fast again after ioredis was loaded. ioredis has a class that extends String. V8 turns an object
 * that becomes the prototype of another object into a dictionary, until something reads a property of it or through it.
 * Until then every `charCodeAt` is looked up for each character, in compiled code too, because reading a string itself
 * does not count as such a read. After these reads the prototype stays fast.
 */
export function keepStringPrototypeFast(): void {
  for (let count = 0; count < READS; count++) readCharCodeAt(String.prototype);
}

function readCharCodeAt(text: { readonly charCodeAt: unknown }): unknown {
  return text.charCodeAt;
}
