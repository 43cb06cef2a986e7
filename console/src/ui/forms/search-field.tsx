import type { ComponentProps } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Field } from './field.tsx';

/** Shorter than a pause in thought, longer than the time between two keys. */
const DELAY_MS = 300;

/** A labelled text input that passes its value on when typing has paused, so that not every key causes a call. */
export function SearchField({ value, onValue, ...field }: ComponentProps<typeof Field>) {
  const [text, setText] = useState(value);
  const latest = useRef(onValue);
  latest.current = onValue;
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => latest.current(text), DELAY_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return <Field type="search" {...field} value={text} onValue={setText} />;
}
