import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/use-action.ts';
import type { GetTokenInfoResponseJson } from '../../generated/weir/admin/v1/token_info_service_pb.js';
import { Field } from '../../ui/forms/field.tsx';
import { FormFields } from '../../ui/forms/form-fields.tsx';
import { Progress } from '../../ui/progress.tsx';
import { TokenInfo } from './token-info.tsx';

/** Says what a key or token is. It is sent to Weir only, and kept nowhere. */
export function InspectToken() {
  const [secret, setSecret] = useState('');
  const [info, setInfo] = useState<GetTokenInfoResponseJson>();
  const { run, isRunning, error } = useAction(async () => {
    setInfo(await call('TokenInfoService.getTokenInfo', { secret: secret.trim() }));
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void run();
  };
  const change = (value: string) => {
    setSecret(value);
    setInfo(undefined);
  };
  return (
    <>
      <h2>Inspect a token</h2>
      <Progress isLoading={isRunning} />
      <form onSubmit={submit}>
        <FormFields error={error}>
          <Field
            label="Token or API key"
            type="password"
            autocomplete="off"
            required
            hint="It is not stored, and not part of the address of this page."
            value={secret}
            onValue={change}
            error={error}
            field="secret"
          />
        </FormFields>
        <p>
          <button type="submit" disabled={isRunning}>
            Inspect
          </button>
        </p>
      </form>
      {info !== undefined && <TokenInfo info={info} />}
    </>
  );
}
