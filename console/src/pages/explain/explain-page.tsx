import { useEffect, useId, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/use-action.ts';
import type { ExplainResponseJson } from '../../generated/weir/admin/v1/explain_service_pb.js';
import { ErrorMessage } from '../../ui/error-message.tsx';
import { Page } from '../../ui/page.tsx';
import { Explanation } from './explanation.tsx';
import { type Question, readQuestion } from './read-question.ts';

const EXAMPLES = [
  ['a curl line', "curl -H 'x-api-key: wk_live_…' https://api.example.com/v1/items"],
  ['descriptors', 'shop path=/login,user=ada'],
  ['an API key', 'apiKeys/…'],
  ['a CheckRequest', '{"attributes": {"request": {"http": {"method": "GET", "path": "/", "headers": {}}}}}'],
  ['a RateLimitRequest', '{"domain": "shop", "descriptors": [{"entries": [{"key": "path", "value": "/login"}]}]}'],
] as const;

/** A question and the answer to it. */
interface Answered {
  readonly question: Question;
  readonly response: ExplainResponseJson;
}

/** Explains how Weir would decide a request now: which rule and limits apply, why others do not, what the counters say. */
export function ExplainPage() {
  const { query, path, route } = useLocation();
  const linked = query.q ?? query.apiKey ?? '';
  const [text, setText] = useState(linked);
  const [fault, setFault] = useState<string>();
  const [answered, setAnswered] = useState<Answered>();
  const { run, isRunning, error } = useAction(async (question: Question) => {
    setAnswered({ question, response: await call('ExplainService.explain', question.request) });
  });
  const explain = async (asked: string) => {
    setAnswered(undefined);
    const question = tryToRead(asked);
    setFault(typeof question === 'string' ? question : undefined);
    if (typeof question === 'string') return;
    route(question.isLinkable ? `${path}?q=${encodeURIComponent(asked.trim())}` : path, true);
    await run(question);
  };
  // A link is explained once, when the page opens.
  useEffect(() => {
    if (linked !== '') void explain(linked);
  }, []);
  return (
    <Page title="Explain" isLoading={isRunning}>
      <QuestionForm text={text} onText={setText} fault={fault} onExplain={() => void explain(text)} />
      <ErrorMessage error={error} />
      {answered !== undefined && <Explanation readAs={answered.question.readAs} response={answered.response} />}
    </Page>
  );
}

interface FormProps {
  readonly text: string;
  readonly onText: (text: string) => void;
  /** The fault of the text; undefined: it has none. */
  readonly fault: string | undefined;
  readonly onExplain: () => void;
}

function QuestionForm({ text, onText, fault, onExplain }: FormProps) {
  const id = useId();
  const submit = (event: Event) => {
    event.preventDefault();
    onExplain();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event);
  };
  return (
    <form onSubmit={submit}>
      <div class="field">
        <label for={id}>Request</label>
        <textarea
          id={id}
          rows={5}
          spellcheck={false}
          value={text}
          onInput={({ currentTarget }) => onText(currentTarget.value)}
          onKeyDown={onKeyDown}
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-hint`}
        />
        <p id={`${id}-hint`} class={fault === undefined ? 'hint' : 'hint hint-error'}>
          {fault ??
            'Paste what you have. Explaining charges nothing, and what you paste is not stored. Ctrl+Enter explains.'}
        </p>
      </div>
      <p class="actions">
        <button type="submit" class="primary" disabled={text.trim() === ''}>
          Explain
        </button>
        {EXAMPLES.map(([name, example]) => (
          <button key={name} type="button" onClick={() => onText(example)}>
            Example: {name}
          </button>
        ))}
      </p>
    </form>
  );
}

/** The question, or the fault of the text. */
function tryToRead(text: string): Question | string {
  try {
    return readQuestion(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
