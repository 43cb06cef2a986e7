/**
 * Returns the element at an index. Throws a RangeError if the index is out of range. For an index that must be right: a
 * default in its place would hand over the element of something else.
 */
export function elementAt<Element>(elements: readonly Element[], index: number): Element {
  if (index >= 0 && index < elements.length) return elements[index] as Element; // in range, so never a missing element
  throw new RangeError(`index: must be at least 0 and below ${elements.length} (got ${index})`);
}
