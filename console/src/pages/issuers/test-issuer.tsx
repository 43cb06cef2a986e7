import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/use-action.ts';
import type { TestIssuerResponse_StepJson } from '../../generated/weir/admin/v1/issuer_service_pb.js';
import { Badge } from '../../ui/badges/badge.tsx';
import { FormFields } from '../../ui/forms/form-fields.tsx';
import { TextAreaField } from '../../ui/forms/text-area-field.tsx';
import { type Column, DataTable } from '../../ui/lists/data-table.tsx';
import { Progress } from '../../ui/progress.tsx';

const STEPS: Readonly<Record<string, string>> = { DISCOVERY: 'Configuration', KEYS: 'Keys', TOKEN: 'Token' };
const COLUMNS: readonly Column<TestIssuerResponse_StepJson>[] = [
  { title: 'Step', cell: ({ step = '' }) => STEPS[step] ?? step },
  { title: 'Result', cell: ({ ok }) => <Badge tone={ok ? 'good' : 'bad'} text={ok ? 'succeeded' : 'failed'} /> },
  { title: 'Found', cell: ({ message }) => message },
];

/** Fetches the keys of an issuer now, and verifies a token against them. The token is kept nowhere. */
export function TestIssuer({ name }: { readonly name: string }) {
  const [token, setToken] = useState('');
  const [steps, setSteps] = useState<readonly TestIssuerResponse_StepJson[]>();
  const { run, isRunning, error } = useAction(async () => {
    const response = await call('IssuerService.testIssuer', { name, token: token.trim() });
    setSteps(response.steps ?? []);
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void run();
  };
  return (
    <>
      <h2>Test</h2>
      <Progress isLoading={isRunning} />
      <form onSubmit={submit}>
        <FormFields error={error}>
          <TextAreaField
            label="Token"
            autocomplete="off"
            placeholder="eyJ…"
            hint="A token of this issuer to verify. Empty: the test ends with the keys."
            value={token}
            onValue={setToken}
            error={error}
            field="token"
          />
        </FormFields>
        <p>
          <button type="submit" disabled={isRunning}>
            Test the issuer
          </button>
        </p>
      </form>
      {steps !== undefined && (
        <div role="status">
          <DataTable caption="Result of the test" rows={steps} rowKey={({ step = '' }) => step} columns={COLUMNS} />
        </div>
      )}
    </>
  );
}
