import { useViewer } from '../../shell/viewer.ts';
import { Page } from '../../ui/page.tsx';
import { KeysList } from '../account-parts/keys-list.tsx';

/** The API keys of the holder's own account. */
export function MyKeysPage() {
  const { name = '' } = useViewer();
  return (
    <Page title="API keys">
      <KeysList account={name} />
    </Page>
  );
}
