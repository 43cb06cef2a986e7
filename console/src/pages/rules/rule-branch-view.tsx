import { useState } from 'preact/hooks';
import { describeLimit } from '../../format/describe-limit.ts';
import { formatCount, formatShare } from '../../format/numbers.ts';
import type { RuleCounts_UnenforcedJson, RuleJson } from '../../generated/weir/admin/v1/rule_service_pb.js';
import { Badge } from '../../ui/badges/badge.tsx';
import type { RuleBranch } from './rule-tree.ts';
import './rules.css';

interface Props {
  readonly branch: RuleBranch;
  /** Whether it begins open. */
  readonly isOpen?: boolean;
}

/** A branch of the tree. Renders what is below it only while it is open, so that large trees stay fast. */
export function RuleBranchView({ branch, isOpen: isOpenFirst = false }: Props) {
  const [isOpen, setOpen] = useState(isOpenFirst);
  const { name, rules, branches, decided, refused } = branch;
  const line = (
    <>
      <code>{name}</code> {decided > 0 && <Decided decided={decided} refused={refused} />}
    </>
  );
  if (branches.length === 0) {
    return (
      <div class="rule-branch">
        {line}
        <Rules rules={rules} />
      </div>
    );
  }
  return (
    <details class="rule-branch" open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{line}</summary>
      <Rules rules={rules} />
      {isOpen &&
        branches.map((below) => <RuleBranchView key={below.name} branch={below} isOpen={branches.length < 20} />)}
    </details>
  );
}

function Decided({ decided, refused }: { readonly decided: number; readonly refused: number }) {
  return (
    <span class="rule-counts">
      {formatCount(decided)} decided, {formatShare(refused, decided)} refused
    </span>
  );
}

function Rules({ rules }: { readonly rules: readonly RuleJson[] }) {
  return (
    <>
      {rules.map((rule) => (
        <RuleView key={rule.path} rule={rule} />
      ))}
    </>
  );
}

function RuleView({ rule }: { readonly rule: RuleJson }) {
  const { domain = '', entries = [], limits = [], candidate, shadowMode, quotaMode, replaces = [], counts = {} } = rule;
  const question = `${domain} ${entries.map(({ key, value }) => `${key}=${value || '…'}`).join(',')}`;
  return (
    <ul class="rule">
      {limits.map((limit) => (
        <li key={limit.name}>
          {limit.name !== undefined && <strong>{limit.name}: </strong>}
          {describeLimit(limit)} {shadowMode && <Badge tone="warning" text="shadow mode" />}{' '}
          {quotaMode && <Badge tone="neutral" text="quota mode" />}
        </li>
      ))}
      {candidate !== undefined && (
        <li>
          <Badge tone="neutral" text="candidate" /> {describeLimit(candidate)}: <Unenforced counts={counts.candidate} />
        </li>
      )}
      {counts.shadow !== undefined && (
        <li>
          In shadow mode: <Unenforced counts={counts.shadow} />
        </li>
      )}
      {replaces.length > 0 && <li>Replaces {replaces.join(', ')}</li>}
      {entries.length > 0 && (
        <li>
          <a href={`/console/explain?q=${encodeURIComponent(question)}`}>Explain a request</a>
        </li>
      )}
    </ul>
  );
}

/** How many requests a limit that is not enforced would have refused. */
function Unenforced({ counts = {} }: { readonly counts: RuleCounts_UnenforcedJson | undefined }) {
  const wouldDeny = Number(counts.wouldDeny ?? 0);
  const total = wouldDeny + Number(counts.ok ?? 0);
  return (
    <>
      would have refused {formatCount(wouldDeny)} of {formatCount(total)} ({formatShare(wouldDeny, total)})
    </>
  );
}
