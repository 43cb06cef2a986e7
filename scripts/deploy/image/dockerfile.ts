/** An instruction of a Dockerfile, such as COPY. */
export interface Instruction {
  readonly name: string;
  /** Options in front of the operands, such as `--from=build`. */
  readonly options: Readonly<Record<string, string>>;
  /** Everything after the options, with variables of `ARG` replaced. */
  readonly text: string;
}

export interface Stage {
  /** Empty: the last stage has no name. */
  readonly name: string;
  /** The image or the stage that it begins with. */
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** Reads the stages of a Dockerfile. Knows what Weir's has: no escapes, no heredocs. */
export function parseDockerfile(source: string): readonly Stage[] {
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  const variables = new Map<string, string>();
  for (const line of joinLines(source)) {
    const instruction = parseInstruction(line, variables);
    if (instruction.name === 'ARG') {
      const [name = '', value = ''] = instruction.text.split('=');
      variables.set(name, value);
    } else if (instruction.name === 'FROM') {
      const [base = '', , name = ''] = instruction.text.split(' ');
      stages.push({ name, base, instructions: [] });
    } else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

function joinLines(source: string): readonly string[] {
  const withoutComments = source.replaceAll(/^#.*\n/gm, '');
  return withoutComments
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
}

function parseInstruction(line: string, variables: ReadonlyMap<string, string>): Instruction {
  const [, name = '', flags = '', rest = ''] = /^(\w+) ((?:--\S+ )*)(.*)$/.exec(line) ?? [];
  const found = flags.matchAll(/--([\w-]+)=(\S+)/g);
  const options = Object.fromEntries([...found].map(([, key = '', value = '']) => [key, value]));
  return { name, options, text: rest.replaceAll(/\$\{(\w+)\}/g, (_, variable) => variables.get(variable) ?? '') };
}

/** The values of a JSON array such as that of CMD. */
export function parseArray(text: string): readonly string[] {
  return JSON.parse(text.slice(text.indexOf('[')));
}

/** The variables of an ENV instruction. */
export function parseVariables(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...text.matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]));
}
