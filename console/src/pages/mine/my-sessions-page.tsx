import { useViewer } from '../../shell/viewer.ts';
import { Page } from '../../ui/page.tsx';
import { SessionsList } from '../account-parts/sessions-list.tsx';

/** Where the holder is signed in. */
export function MySessionsPage() {
  const { name = '' } = useViewer();
  return (
    <Page title="Sessions">
      <SessionsList account={name} />
    </Page>
  );
}
