import { formatCount } from '../../format/numbers.ts';
import type { RulesState_FaultJson, RulesStateJson } from '../../generated/weir/admin/v1/rule_service_pb.js';
import { DetailsList } from '../../ui/details-list.tsx';
import { DataTable } from '../../ui/lists/data-table.tsx';
import { EmptyState } from '../../ui/lists/empty-state.tsx';
import { Time } from '../../ui/time.tsx';

/** Where the rules come from, and why changed files are not in force. */
export function RulesStateView({ state }: { readonly state: RulesStateJson }) {
  const { files = [], omittedFiles = 0, version, loadTime, faults = [], omittedFaults = 0, failTime } = state;
  return (
    <>
      {failTime !== undefined && (
        <div class="message message-error" role="alert">
          <p>
            The files as they are now have faults since <Time at={failTime} />. The rules from before the change stay in
            force.
          </p>
        </div>
      )}
      {faults.length > 0 && <FaultsTable faults={faults} omitted={omittedFaults} />}
      {files.length === 0 ? (
        <EmptyState
          text="No rules file is loaded. Weir reads the files that RULES names (docs/rules.md):"
          command="RULES=examples/rules.yaml npm start"
        />
      ) : (
        <DetailsList
          entries={[
            ['Files', `${files.join(', ')}${omittedFiles > 0 ? ` and ${formatCount(omittedFiles)} more` : ''}`],
            ['Version', <code key="version">{version}</code>],
            ['Loaded', <Time key="loaded" at={loadTime} />],
          ]}
        />
      )}
    </>
  );
}

function FaultsTable({
  faults,
  omitted,
}: {
  readonly faults: readonly RulesState_FaultJson[];
  readonly omitted: number;
}) {
  return (
    <DataTable
      caption="Faults of the files"
      rows={faults}
      rowKey={({ file, line, column, description }) => `${file}:${line}:${column} ${description}`}
      columns={[
        {
          title: 'Place',
          cell: ({ file, line, column }) => (
            <code>
              {file}:{line}:{column}
            </code>
          ),
        },
        { title: 'Fault', cell: ({ description }) => description },
      ]}
    >
      {omitted > 0 && <p class="more">and {formatCount(omitted)} more</p>}
    </DataTable>
  );
}
