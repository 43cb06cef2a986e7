import { parseFastYaml } from './fast-yaml.ts';
import { FaultLocator } from './fault-locator.ts';
import { FaultRecorder, type FaultSink, type RulesFault } from './rules-fault.ts';
import { YamlDocument } from './yaml-document.ts';
import type { YamlMapping } from './yaml-values.ts';

/** The text of a file. */
export interface YamlSource {
  readonly file: string;
  readonly text: string;
  /** Describes what the top of the file must be. */
  readonly expected: string;
}

/**
 * Reads a YAML file, whose `contents` `read` checks. Returns the result of `read`, or all faults with their positions.
 * `read` may be called twice, with contents of its own.
 *
 * Nearly all files have no faults, and positions are expensive. So a fast parser reads the file first. If `read` reports
 * faults, that parser reads the file once more to find the positions. YamlDocument takes ten times as long. It reads only
 * files that the fast parser does not accept, and those with faults of rare forms of YAML.
 */
export function readYaml<T>(
  { file, text, expected }: YamlSource,
  read: (contents: YamlMapping, faults: FaultSink) => T,
): { readonly result: T } | { readonly faults: readonly RulesFault[] } {
  const contents = parseFastYaml(text);
  if (contents !== undefined) {
    const recorder = new FaultRecorder();
    const result = read(contents, recorder);
    if (recorder.count === 0) return { result };
    const locator = new FaultLocator(file, text);
    recorder.replay(locator);
    if (locator.faults !== undefined) return { faults: locator.faults };
  }
  const document = new YamlDocument(file, text, expected);
  if (document.contents === undefined) return { faults: document.faults };
  const result = read(document.contents, document);
  return document.faults.length > 0 ? { faults: document.faults } : { result };
}
