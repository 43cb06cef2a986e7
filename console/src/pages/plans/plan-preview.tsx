import { formatCount } from '../../format/numbers.ts';
import { writeResourceUrl } from '../../format/urls.ts';
import type { PreviewPlanResponseJson } from '../../generated/weir/admin/v1/plan_service_pb.js';
import { Warnings } from '../../ui/warnings.tsx';

interface Props {
  /** What the edit changes. */
  readonly changes: readonly string[];
  readonly preview: PreviewPlanResponseJson;
}

/** What an edit of a plan would change, and for whom. */
export function PlanPreview({ changes, preview }: Props) {
  const { accountCount, apiKeyCount, checkedCount, exhaustedCount, exhausted = [], warnings = [] } = preview;
  return (
    <section class="message" aria-label="Preview" role="status">
      <ul>
        {changes.map((change) => (
          <li key={change}>{change}</li>
        ))}
      </ul>
      <p>
        The plan has {formatCount(accountCount)} accounts and {formatCount(apiKeyCount)} API keys.{' '}
        {checkedCount === undefined
          ? 'No limit becomes tighter.'
          : `Of ${formatCount(checkedCount)} whose counters were read, ${formatCount(exhaustedCount)} would have nothing left at once.`}
      </p>
      {exhausted.length > 0 && (
        <ul>
          {exhausted.map(({ name = '', limits = [] }) => (
            <li key={name}>
              <a href={writeResourceUrl(name)}>{name}</a>: {limits.join(', ')}
            </li>
          ))}
        </ul>
      )}
      <Warnings warnings={warnings} />
    </section>
  );
}
