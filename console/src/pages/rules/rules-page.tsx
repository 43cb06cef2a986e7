import { usePages } from '../../api/use-pages.ts';
import type { RuleJson } from '../../generated/weir/admin/v1/rule_service_pb.js';
import { useQueryState } from '../../shell/use-query-state.ts';
import { SelectField } from '../../ui/forms/select-field.tsx';
import { LoadMore } from '../../ui/lists/load-more.tsx';
import { Page } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import { RuleBranchView } from './rule-branch-view.tsx';
import { buildRuleTree } from './rule-tree.ts';
import { RulesStateView } from './rules-state-view.tsx';

const PAGE_SIZE = 1000;

/** The rules that this node decides by, as a tree, with what it has counted for each. */
export function RulesPage() {
  const { values, set } = useQueryState(['domain']);
  const { domain } = values;
  const { pages, error, isLoading, reload, loadMore } = usePages('RuleService.listRules', {
    domain,
    pageSize: PAGE_SIZE,
  });
  const [first] = pages;
  const rules: readonly RuleJson[] = pages.flatMap((page) => page.rules ?? []);
  const domains = first?.state?.domains ?? [];
  return (
    <Page
      title="Rules"
      error={error}
      isLoading={isLoading}
      actions={
        <button type="button" onClick={reload}>
          Count again
        </button>
      }
    >
      {first !== undefined && <RulesStateView state={first.state ?? {}} />}
      <div class="filters">
        <SelectField
          label="Domain"
          value={domain}
          onValue={(chosen) => set({ domain: chosen })}
          options={[['', 'All domains'], ...[...new Set([...domains, domain])].filter(Boolean).map(toOption)]}
        />
      </div>
      {first?.countStartTime !== undefined && (
        <p>
          This node counts since <Time at={first.countStartTime} />.
        </p>
      )}
      <div class="rule-tree">
        {buildRuleTree(rules).map((branch) => (
          <RuleBranchView key={branch.name} branch={branch} isOpen />
        ))}
      </div>
      <LoadMore loadMore={loadMore} />
    </Page>
  );
}

function toOption(domain: string): readonly [string, string] {
  return [domain, domain];
}
