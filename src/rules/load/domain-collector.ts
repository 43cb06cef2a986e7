import { type DomainRules, moveRules, type RuleBook, type RuleNode } from '../../domain/rules/rule-book.ts';
import { describeExpensiveLookups, type ParsedRules } from '../parse/parse-rules.ts';
import { abbreviate } from '../yaml/found-yaml.ts';
import type { RulesFault } from '../yaml/rules-fault.ts';

/** The rules of one domain, from one file or from several. */
interface CollectedDomain {
  readonly root: DomainRules;
  readonly files: string[];
  /** File of each descriptor at the top of the domain. Empty unless domains are merged. */
  readonly fileByNode: Map<RuleNode, string>;
}

/** Collects the domains of rules files. With `mergeDomains`, several files may have the same domain. */
export class DomainCollector {
  readonly #mergeDomains: boolean;
  readonly #domains = new Map<string, CollectedDomain>();

  constructor(mergeDomains: boolean) {
    this.#mergeDomains = mergeDomains;
  }

  /** Finds the file that has a descriptor at the top of a domain; undefined: no file has it, or domains are not merged. */
  findFile(domain: string, key: string, value: string | undefined): string | undefined {
    const collected = this.#domains.get(domain);
    const rules = collected?.root.byKey?.get(key);
    const node = value === undefined ? rules?.anyValue : rules?.exact?.get(value);
    return node && collected?.fileByNode.get(node);
  }

  /** Adds the rules of a file, in which `findFile` found no descriptor. Returns the faults that it has with others. */
  add(file: string, { domain, root }: ParsedRules): readonly RulesFault[] {
    const earlier = this.#domains.get(domain);
    if (earlier === undefined) {
      const fileByNode = new Map<RuleNode, string>();
      if (this.#mergeDomains) for (const node of listChildren(root)) fileByNode.set(node, file);
      this.#domains.set(domain, { root, files: [file], fileByNode });
      return [];
    }
    const name = abbreviate(domain);
    const others = earlier.files.join(', ');
    if (!this.#mergeDomains) {
      const hint = 'MERGE_DOMAIN_CONFIG=true merges them';
      return [fileFault(file, `domain: must not be in two files ("${name}" is also in ${others}); ${hint}`)];
    }
    if (root.isMostSpecific !== earlier.root.isMostSpecific) {
      return [fileFault(file, `match: must be the same in all files of a domain ("${name}" is also in ${others})`)];
    }
    earlier.files.push(file);
    for (const node of moveRules(root, earlier.root)) earlier.fileByNode.set(node, file);
    const fault = root.isMostSpecific ? describeExpensiveLookups(earlier.root) : undefined;
    return fault === undefined ? [] : [fileFault(file, `match: ${fault}`)];
  }

  get filesByDomain(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.#domains].map(([domain, { files }]) => [domain, files]));
  }

  toBook(): RuleBook {
    return new Map([...this.#domains].map(([domain, { root }]) => [domain, root]));
  }
}

export function fileFault(file: string, description: string): RulesFault {
  return { file, line: 1, column: 1, description };
}

function* listChildren(node: RuleNode): Generator<RuleNode, void> {
  for (const { exact, anyValue } of node.byKey?.values() ?? []) {
    yield* exact?.values() ?? [];
    if (anyValue !== undefined) yield anyValue;
  }
}
