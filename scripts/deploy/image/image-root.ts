import { copyFile, cp, mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { runTool } from '../run-tool.ts';
import { type Instruction, parseArray, parseVariables, type Stage } from './dockerfile.ts';

/** How a container of the image starts. */
export interface ImageConfig {
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string;
  readonly command: readonly string[];
  /** undefined: the image has no health check. */
  readonly healthCheck: readonly string[] | undefined;
}

/** Result of a stage: its file system, in a folder, and its settings. */
interface BuiltStage {
  readonly root: string;
  readonly entrypoint: readonly string[];
  readonly arguments: readonly string[];
  readonly config: Omit<ImageConfig, 'command'>;
}

/** Carries out a Dockerfile without Docker: each stage gets a folder as its root. */
export class ImageBuilder {
  readonly #folder: string;
  readonly #context: string;
  readonly #built = new Map<string, BuiltStage>();

  /** `folder` takes the roots, `context` is the folder that the Dockerfile copies from. */
  constructor(folder: string, context: string) {
    this.#folder = folder;
    this.#context = context;
  }

  /** Builds a stage whose bases and sources are built. Returns its root and how it starts. */
  async build(stage: Stage): Promise<{ readonly root: string; readonly config: ImageConfig }> {
    const root = path.join(this.#folder, stage.name || 'final');
    const base = this.#built.get(stage.base);
    if (base === undefined) await createBase(root, stage.name === 'runtime');
    else await cp(base.root, root, { recursive: true, verbatimSymlinks: true });
    let built: BuiltStage = {
      ...(base ?? { entrypoint: [], arguments: [], config: { environment: {}, user: '0', healthCheck: undefined } }),
      root,
    };
    for (const instruction of stage.instructions) built = (await this.#apply(instruction, built)) ?? built;
    this.#built.set(stage.name, built);
    return { root, config: { ...built.config, command: [...built.entrypoint, ...built.arguments] } };
  }

  async #apply({ name, options, text }: Instruction, built: BuiltStage): Promise<BuiltStage | undefined> {
    const { config } = built;
    if (name === 'COPY') return this.#copy(options, text, built);
    if (name === 'RUN') return run(text, built);
    if (name === 'ENTRYPOINT') return { ...built, entrypoint: parseArray(text) };
    if (name === 'CMD') return { ...built, arguments: parseArray(text) };
    if (name === 'USER') return { ...built, config: { ...config, user: text } };
    if (name === 'HEALTHCHECK') return { ...built, config: { ...config, healthCheck: parseArray(text) } };
    if (name !== 'ENV') return undefined;
    return { ...built, config: { ...config, environment: { ...config.environment, ...parseVariables(text) } } };
  }

  /** All paths are relative to /weir, the only WORKDIR, or absolute. */
  async #copy({ from, chown }: Instruction['options'], text: string, { root }: BuiltStage): Promise<undefined> {
    const words = text.split(' ');
    const target = path.resolve('/weir', words.pop() ?? '');
    const sourceRoot = from === undefined ? this.#context : (this.#built.get(from)?.root ?? '');
    for (const word of words) {
      const source = path.join(sourceRoot, word);
      const isIntoFolder = text.endsWith('/');
      const destination = path.join(root, target, isIntoFolder ? path.basename(word) : '');
      await mkdir(path.dirname(destination), { recursive: true });
      await cp(source, destination, {
        recursive: true,
        verbatimSymlinks: true,
        // As .dockerignore says.
        filter: (file) => !file.includes(path.join('src', 'generated')) || from !== undefined,
      });
      if (chown !== undefined) await runTool('chown', '-R', chown, destination);
    }
  }
}

/** Runs a command on this machine, in the folder that stands for /weir. */
async function run(text: string, { root }: BuiltStage): Promise<undefined> {
  await runTool('sh', '-c', `cd "$0" && ${text}`, path.join(root, 'weir'));
}

/** Creates an empty root. With Node, it has what a distroless image has of it: the program and its libraries, no shell. */
async function createBase(root: string, hasNode: boolean): Promise<void> {
  for (const folder of ['weir', 'tmp', 'dev', 'proc']) await mkdir(path.join(root, folder), { recursive: true });
  if (!hasNode) return;
  const program = await realpath(process.execPath);
  const { stdout } = await runTool('ldd', program);
  const libraries = [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(/gm)].map(([, file = '']) => file);
  for (const file of libraries) await copyInto(root, file, file);
  await copyInto(root, program, '/nodejs/bin/node');
}

async function copyInto(root: string, source: string, target: string): Promise<void> {
  await mkdir(path.join(root, path.dirname(target)), { recursive: true });
  await copyFile(await realpath(source), path.join(root, target));
}
