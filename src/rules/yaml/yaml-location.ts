import { abbreviate } from './found-yaml.ts';

/** Path of a value from the top of its file, as a linked list from the last step to the first. undefined: the top. */
export type YamlLocation = { readonly parent: YamlLocation; readonly step: string | number } | undefined;

export function childLocation(parent: YamlLocation, step: string | number): YamlLocation {
  return { parent, step };
}

/**
 * Names a value by its path below the descriptor that has it, such as `limits[1].window`. A descriptor itself is
 * `descriptors[2]`, its index in its list. Empty for the top of the file.
 */
export function formatLocation(location: YamlLocation): string {
  const steps: (string | number)[] = [];
  for (let at = location; at !== undefined; at = at.parent) steps.unshift(at.step);
  let start = 0;
  while (steps[start] === 'descriptors' && start + 2 < steps.length) start += 2;
  let path = '';
  for (const step of steps.slice(start)) {
    if (typeof step === 'number') path += `[${step}]`;
    else path += `${path === '' ? '' : '.'}${step === '' ? '""' : abbreviate(step)}`;
  }
  return path;
}
