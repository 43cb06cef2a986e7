import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { usePages } from '../../api/use-pages.ts';
import { writeGrpcurl } from '../../format/grpcurl.ts';
import type { SessionJson } from '../../generated/weir/admin/v1/session_service_pb.js';
import { Badge } from '../../ui/badges/badge.tsx';
import { ConfirmDialog } from '../../ui/dialogs/confirm-dialog.tsx';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { DataTable } from '../../ui/lists/data-table.tsx';
import { PagedList } from '../../ui/lists/paged-list.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Time } from '../../ui/time.tsx';

/** The sign-ins of an account that have not ended, and a way to end each. */
export function SessionsList({ account }: { readonly account: string }) {
  const list = usePages('SessionService.listSessions', { parent: account });
  const [ending, setEnding] = useState<SessionJson>();
  const sessions = list.pages.flatMap((page) => page.sessions ?? []);
  return (
    <>
      <Progress isLoading={list.isLoading} />
      <ErrorMessage error={list.error} />
      <PagedList
        list={list}
        count={sessions.length}
        emptyText="Nobody is signed in to this account."
        command={writeGrpcurl('AuthService/Login', { email: 'ada@example.com', password: '…' })}
      >
        <SessionsTable sessions={sessions} onEnd={setEnding} />
      </PagedList>
      {ending !== undefined && (
        <EndSessionDialog session={ending} onClose={() => setEnding(undefined)} onEnded={list.reload} />
      )}
    </>
  );
}

interface TableProps {
  readonly sessions: readonly SessionJson[];
  readonly onEnd: (session: SessionJson) => void;
}

function SessionsTable({ sessions, onEnd }: TableProps) {
  return (
    <DataTable
      caption="Sessions"
      rows={sessions}
      rowKey={({ name = '' }) => name}
      columns={[
        { title: 'Signed in', cell: ({ createTime }) => <Time at={createTime} /> },
        { title: 'Last refresh', cell: ({ lastRefreshTime }) => <Time at={lastRefreshTime} /> },
        { title: 'Ends without a refresh', cell: ({ expireTime }) => <Time at={expireTime} /> },
        { title: 'Address', cell: ({ peer = '–' }) => peer },
        { title: 'Program', cell: ({ userAgent = '–' }) => userAgent },
        {
          title: 'Actions',
          cell: (session) =>
            session.current ? (
              <Badge tone="good" text="this session" />
            ) : (
              <button type="button" onClick={() => onEnd(session)}>
                End session
              </button>
            ),
        },
      ]}
    />
  );
}

interface DialogProps {
  readonly session: SessionJson;
  readonly onClose: () => void;
  readonly onEnded: () => void;
}

function EndSessionDialog({ session: { name = '', createTime, peer }, onClose, onEnded }: DialogProps) {
  const end = async () => {
    await call('SessionService.deleteSession', { name });
    onEnded();
  };
  return (
    <ConfirmDialog title="End session" action="End session" act={end} onClose={onClose}>
      <p>
        This ends the session of <Time at={createTime} /> from {peer ?? 'an unknown address'}. Every node refuses its
        tokens within a second.
      </p>
    </ConfirmDialog>
  );
}
