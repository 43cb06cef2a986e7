import type { DescriptorEntry } from '../domain/descriptor.ts';

/** Descriptors of one domain, as the command line names them. */
export interface DescriptorQuestion {
  readonly domain: string;
  readonly descriptors: readonly (readonly DescriptorEntry[])[];
}

/**
 * Parses `key=value,key=value`. A comma inside a value is written `\,`, and an entry may leave out its value. Returns
 * undefined where a key is missing.
 */
export function parseDescriptor(text: string): readonly DescriptorEntry[] | undefined {
  const entries = text.split(/(?<!\\),/).map((part): DescriptorEntry => {
    const [key = '', ...value] = part.replaceAll('\\,', ',').split('=');
    return { key, value: value.join('=') };
  });
  return entries.every(({ key }) => key !== '') ? entries : undefined;
}
