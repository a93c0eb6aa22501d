/** Small things that the rooms are made of. */
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useId, useRef, useState } from 'preact/hooks';
import { type MessageKey, t } from './i18n';
import { explain } from './state';

interface FieldProps {
  label: string;
  children: (id: string) => ComponentChildren;
}

export function Field({ label, children }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      {children(id)}
    </div>
  );
}

/** What is asked for, anew when what it depends on changes or somebody wants it. */
export function useAsked<T>(ask: () => Promise<T>, on: unknown[]): Asked<T> {
  const [value, setValue] = useState<T | null>(null);
  const [error, setError] = useState<string | null>(null);
  const turn = useRef(0);
  const load = useCallback(async () => {
    const own = ++turn.current;
    try {
      const answer = await ask();
      if (own !== turn.current) return;
      setValue(answer);
      setError(null);
    } catch (failure) {
      if (own === turn.current) setError(explain(failure));
    }
  }, on);
  useEffect(() => {
    void load();
    return () => {
      turn.current++;
    };
  }, [load]);
  return { value, error, load };
}

export interface Asked<T> {
  value: T | null;
  error: string | null;
  load: () => Promise<void>;
}

export function Waiting({ of, children }: { of: Asked<unknown>; children?: ComponentChildren }) {
  if (of.error !== null) {
    return (
      <p class="trouble" role="alert">
        {of.error}{' '}
        <button type="button" class="button small" onClick={() => void of.load()}>
          {t('action.again')}
        </button>
      </p>
    );
  }
  if (of.value === null) return <p class="soft">{t('state.loading')}</p>;
  return <>{children}</>;
}

interface TableProps {
  caption: string;
  heads: MessageKey[];
  children: ComponentChildren;
  isEmpty: boolean;
}

/** A table that is scrolled sideways where there is no room. */
export function Table({ caption, heads, children, isEmpty }: TableProps) {
  if (isEmpty) return <p class="soft empty-line">{t('state.none')}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what is scrolled must be reached by the keyboard
    <section class="scroll" tabIndex={0} aria-label={caption}>
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {t(head)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

interface SureProps {
  label: string;
  question: string;
  act: () => void;
}

/** A button for what cannot be taken back: it asks once more, in its place. */
export function Sure({ label, question, act }: SureProps) {
  const [isAsking, setAsking] = useState(false);
  if (!isAsking) {
    return (
      <button type="button" class="button small quiet danger-text" onClick={() => setAsking(true)}>
        {label}
      </button>
    );
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a line
    <span class="sure" role="group" aria-label={question}>
      <span>{question}</span>
      <button
        type="button"
        class="button small danger"
        ref={(button) => button?.focus()}
        onClick={() => {
          setAsking(false);
          act();
        }}
      >
        {label}
      </button>
      <button type="button" class="button small" onClick={() => setAsking(false)}>
        {t('action.cancel')}
      </button>
    </span>
  );
}

export function Tag({ kind, children }: { kind: string; children: ComponentChildren }) {
  return <span class={`tag tag-${kind}`}>{children}</span>;
}

/** The values of a form, by the names of its fields. */
export function values(event: Event): Record<string, string> {
  event.preventDefault();
  const data = new FormData(event.currentTarget as HTMLFormElement);
  return Object.fromEntries([...data].map(([name, value]) => [name, String(value).trim()]));
}
