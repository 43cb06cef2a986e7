import type {
  DescriptorExplanationJson,
  ListedNamesJson,
  MatchStepJson,
} from '../../generated/weir/admin/v1/explain_service_pb.js';

const WAYS: Readonly<Record<string, string>> = {
  WAY_EXACT: 'matches this value',
  WAY_WILDCARD: 'matches a pattern',
  WAY_KEY: 'matches the key with any value',
  WAY_NETWORK: 'matches the network',
};

/** How a descriptor was matched, entry by entry. */
export function DescriptorPath({ descriptor }: { readonly descriptor: DescriptorExplanationJson }) {
  const { domain, entries = [], steps = [], rule = '', unknownDomain, rulesOnTheWay = [], keysBelow } = descriptor;
  const name = [domain, ...entries.map(({ key, value }) => `${key}=${value ?? ''}`)].join(' ');
  return (
    <article class="card path" aria-label={`Descriptor ${name}`}>
      <h3>
        <code>{name}</code>
      </h3>
      <ol>
        {steps.map((step, index) => (
          <Step key={index} step={step} entry={`${entries[index]?.key}=${entries[index]?.value ?? ''}`} />
        ))}
      </ol>
      <p class="path-end">
        {unknownDomain && (
          <>
            The rules files have no domain <code>{domain}</code>, so they do not limit it.
          </>
        )}
        {!unknownDomain && rule === '' && 'No rule matches, so the rules files do not limit it.'}
        {rule !== '' && (
          <>
            Its rule is <code>{rule}</code>.
          </>
        )}
      </p>
      {rulesOnTheWay.length > 0 && (
        <p>
          Rules on the way apply only to descriptors that end there: <Names names={{ first: rulesOnTheWay }} />.
        </p>
      )}
      <More text="A further entry with one of these keys would match more closely: " names={keysBelow} />
    </article>
  );
}

function Step({ step, entry }: { readonly step: MatchStepJson; readonly entry: string }) {
  const { way = '', path = '', passedOver, otherValues, otherKeys } = step;
  const text = WAYS[way];
  return (
    <li>
      <code>{entry}</code>{' '}
      {text === undefined ? (
        <strong class="no-match">matches nothing. Matching ends here.</strong>
      ) : (
        <>
          {text}: <code>{path}</code>
        </>
      )}
      <More text="These match as well, with lower precedence: " names={passedOver} />
      <More text="The rules have this key with other values: " names={otherValues} />
      <More text="Other keys at this level: " names={otherKeys} />
    </li>
  );
}

/** A sentence about names. Nothing if there are none. */
function More({ text, names }: { readonly text: string; readonly names: ListedNamesJson | undefined }) {
  if (names?.first === undefined) return null;
  return (
    <p class="hint">
      {text}
      <Names names={names} />.
    </p>
  );
}

function Names({ names: { first = [], omitted = 0 } }: { readonly names: ListedNamesJson }) {
  return (
    <>
      {first.map((name, index) => (
        <>
          {index > 0 && ', '}
          <code>{name}</code>
        </>
      ))}
      {omitted > 0 && ` and ${omitted} more`}
    </>
  );
}
