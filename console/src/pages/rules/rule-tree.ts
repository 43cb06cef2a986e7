import type { Rule_EntryJson, RuleJson } from '../../generated/weir/admin/v1/rule_service_pb.js';

/** A branch of the rules of a domain: a rule, or what several rules begin with. */
export interface RuleBranch {
  /** The domain, or the entry as `key=value`; `key` alone matches any value. */
  readonly name: string;
  /** The rules that end here, each with limits of its own. */
  readonly rules: readonly RuleJson[];
  readonly branches: readonly RuleBranch[];
  /** Requests that the rules of this branch decided, and that they refused. */
  readonly decided: number;
  readonly refused: number;
}

interface GrowingBranch {
  readonly name: string;
  readonly rules: RuleJson[];
  readonly branches: Map<string, GrowingBranch>;
}

/** Builds a tree of rules, in their order: domains, then entry by entry. */
export function buildRuleTree(rules: readonly RuleJson[]): readonly RuleBranch[] {
  const domains = new Map<string, GrowingBranch>();
  for (const rule of rules) {
    let branches = domains;
    let branch: GrowingBranch | undefined;
    for (const name of [rule.domain ?? '', ...(rule.entries ?? []).map(nameEntry)]) {
      branch = branches.get(name) ?? { name, rules: [], branches: new Map() };
      branches.set(name, branch);
      branches = branch.branches;
    }
    branch?.rules.push(rule);
  }
  return finish(domains);
}

function nameEntry({ key = '', value = '' }: Rule_EntryJson): string {
  return value === '' ? key : `${key}=${value}`;
}

function finish(branches: ReadonlyMap<string, GrowingBranch>): readonly RuleBranch[] {
  return [...branches.values()].map(({ name, rules, branches: below }) => {
    const finished = finish(below);
    const sum = (count: (one: Pick<RuleBranch, 'decided' | 'refused'>) => number) =>
      [...rules.map(countRule), ...finished].reduce((total, one) => total + count(one), 0);
    return { name, rules, branches: finished, decided: sum((one) => one.decided), refused: sum((one) => one.refused) };
  });
}

/** Requests that a rule decided, and that it refused. */
export function countRule({ counts = {} }: RuleJson): Pick<RuleBranch, 'decided' | 'refused'> {
  const refused = Number(counts.overLimit ?? 0) + Number(counts.rejectedChecks ?? 0);
  return { decided: Number(counts.ok ?? 0) + refused, refused };
}
