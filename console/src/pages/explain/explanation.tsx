import { writeResourceUrl } from '../../format/urls.ts';
import type { ExplainResponseJson, LimitExplanationJson } from '../../generated/weir/admin/v1/explain_service_pb.js';
import { DetailsList } from '../../ui/details-list.tsx';
import { Time } from '../../ui/time.tsx';
import { DescriptorPath } from './descriptor-path.tsx';
import './explain.css';
import { LimitsTable } from './limits-table.tsx';

interface Props {
  /** How the text was read, such as `a curl line`. */
  readonly readAs: string;
  readonly response: ExplainResponseJson;
}

/** The answer that Weir would give, and everything that leads to it. */
export function Explanation({ readAs, response }: Props) {
  const { answer = '', credentialFault = '', descriptors = [], limits = [] } = response;
  const isGranted = GRANTED.has(answer);
  return (
    <section aria-label="Explanation">
      <div class={`message ${isGranted ? 'message-good' : 'message-error'}`} role="status">
        <p class="answer">
          {isGranted ? 'Weir would let this request in' : 'Weir would refuse this request'}: <code>{answer}</code>
        </p>
        <p>{SENTENCES[answer] ?? 'docs/errors.md describes this code.'}</p>
        <p>
          <DecidingLimit limits={limits} />
        </p>
        {credentialFault !== '' && (
          <p>
            The credential: <code>{credentialFault}</code>
          </p>
        )}
      </div>
      <Caller readAs={readAs} response={response} />
      {limits.length > 0 && (
        <>
          <h2>Limits</h2>
          <LimitsTable limits={limits} />
        </>
      )}
      {descriptors.length > 0 && (
        <>
          <h2>How the rules were matched</h2>
          {descriptors.map((descriptor, index) => (
            <DescriptorPath key={index} descriptor={descriptor} />
          ))}
        </>
      )}
    </section>
  );
}

const GRANTED: ReadonlySet<string> = new Set(['ok', 'allowed', 'anonymous']);

const SENTENCES: Readonly<Record<string, string>> = {
  ok: 'Every limit that applies has room for it.',
  allowed: 'The credential is valid, and every limit that applies has room for the request.',
  anonymous: 'It carries no credential, and requests without one may come in.',
  over_limit: 'A limit that applies has no room for it.',
  rate_limited: 'A limit that applies has no room for it.',
  quota_exceeded: 'A quota that applies is used up.',
  store_unavailable: 'The counters cannot be reached, and a limit denies in that case.',
};

/** The first limit that would reject the request. */
function DecidingLimit({ limits }: { readonly limits: readonly LimitExplanationJson[] }) {
  const deciding = limits.find(({ use, exceeded }) => exceeded && use === 'USE_CHARGED');
  if (deciding === undefined) return null;
  const { label, blocked, costExceedsLimit, resetTime, blockEndTime } = deciding;
  if (costExceedsLimit) {
    return (
      <>
        The request costs more than <code>{label}</code> ever allows.
      </>
    );
  }
  return (
    <>
      <code>{label}</code> {blocked ? 'rejects everything' : 'is used up'}.{' '}
      {(blocked ? blockEndTime : resetTime) !== undefined && (
        <>
          It is free again at <Time at={blocked ? blockEndTime : resetTime} />.
        </>
      )}
    </>
  );
}

function Caller({ readAs, response: { apiKey = '', account = '', plan = '' } }: Props) {
  const link = (name: string) => (name === '' ? '–' : <a href={writeResourceUrl(name)}>{name}</a>);
  return (
    <DetailsList
      entries={[
        ['Read as', readAs],
        ['API key', link(apiKey)],
        ['Account', link(account)],
        ['Plan', link(plan)],
      ]}
    />
  );
}
