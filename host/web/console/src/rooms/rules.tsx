import { useEffect, useRef, useState } from 'preact/hooks';
import { allows, ask, get, type Page, type PolicyProblem, type Preview, part, type RuleFile } from '../api';
import { t } from '../i18n';
import { Field, useAsked, values, Waiting } from '../parts';
import { attempt, explain, link, place, who } from '../state';
import { Outcome } from './outcome';

/** How long nobody types before the text is checked. */
const PAUSE = 500;
const NEW = '[[rule]]\nname = "MY_RULE"\nscore = 1.0\nheader = "Subject"\nmatches = \'something\'\n';

export function Rules() {
  const asked = useAsked(() => get<Page<RuleFile>>('/rules'), []);
  const { about } = place.value;
  const files = asked.value?.items ?? [];
  return (
    <div class="rules">
      <nav aria-label={t('rules.files')}>
        <Waiting of={asked}>
          <ul class="plain">
            {files.map((file) => (
              <li key={file.name}>
                <a href={link('rules', file.name)} aria-current={file.name === about ? 'page' : undefined}>
                  {file.name}
                </a>
              </li>
            ))}
          </ul>
        </Waiting>
        <details>
          <summary>{t('rules.new')}</summary>
          <form
            onSubmit={(event) => {
              location.hash = link('rules', values(event).name ?? '');
            }}
          >
            <Field label={t('rules.name')}>
              {(id) => <input id={id} name="name" required placeholder="rules/local.toml" spellcheck={false} />}
            </Field>
            <button class="button small" type="submit">
              {t('rules.begin')}
            </button>
          </form>
        </details>
      </nav>
      {about === '' ? <p class="soft">{t('rules.choose')}</p> : <OneFile key={about} name={about} saved={asked.load} />}
    </div>
  );
}

function OneFile({ name, saved }: { name: string; saved: () => Promise<void> }) {
  const asked = useAsked(async () => {
    const { items } = await get<Page<RuleFile>>('/rules');
    // One that is not there yet begins with an example.
    if (!items.some((file) => file.name === name)) return { text: NEW, digest: null };
    return get<RuleFile>(`/rules/${part(name)}`);
  }, [name]);
  const done = async () => {
    await Promise.all([asked.load(), saved()]);
  };
  return (
    <Waiting of={asked}>
      {asked.value !== null && (
        <Editor
          key={asked.value.digest ?? ''}
          name={name}
          text={asked.value.text}
          digest={asked.value.digest}
          done={done}
        />
      )}
    </Waiting>
  );
}

interface EditorProps {
  name: string;
  text: string;
  digest: string | null;
  done: () => Promise<void>;
}

/** A text that is checked as one types, tried on recent mail, and saved only then. */
function Editor({ name, text: was, digest, done }: EditorProps) {
  const [text, setText] = useState(was);
  const [problems, setProblems] = useState<PolicyProblem[]>([]);
  const [checked, setChecked] = useState<string | null>(null);
  const [tried, setTried] = useState<{ of: string; seen: Preview } | null>(null);
  const [isBusy, setBusy] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const path = `/rules/${part(name)}`;
  useEffect(() => {
    let isOld = false;
    const timer = setTimeout(async () => {
      const answer = await ask<{ problems: PolicyProblem[] }>('POST', `${path}/check`, { text }).catch((failure) => ({
        problems: [{ file: name, text: explain(failure) }],
      }));
      if (isOld) return;
      setProblems(answer.problems);
      setChecked(text);
    }, PAUSE);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [text]);
  const goTo = (line: number) => {
    const lines = text.split('\n').slice(0, line);
    const end = lines.join('\n').length;
    area.current?.focus();
    area.current?.setSelectionRange(end - (lines[line - 1]?.length ?? 0), end);
  };
  const preview = async () => {
    setBusy(true);
    await attempt(t('rules.tried'), async () => {
      setTried({ of: text, seen: await ask<Preview>('POST', `${path}/preview`, { text }) });
    });
    setBusy(false);
  };
  const save = async () => {
    setBusy(true);
    if (await attempt(t('rules.saved', { name }), () => ask('PUT', path, { text, digest }))) await done();
    setBusy(false);
  };
  const isGood = checked === text && problems.length === 0;
  const isTried = tried?.of === text;
  const mayWrite = who.value !== null && allows(who.value, 'policy', 'write');
  return (
    <section class="editor" aria-label={name}>
      <Field label={name}>
        {(id) => (
          <textarea
            id={id}
            ref={area}
            class="code"
            rows={24}
            spellcheck={false}
            autocapitalize="none"
            value={text}
            readOnly={!mayWrite}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      <div role="status" aria-live="polite">
        {checked !== text && <p class="soft">{t('rules.checking')}</p>}
        {isGood && <p class="done">{t('rules.good')}</p>}
        {checked === text && problems.length > 0 && (
          <ul class="trouble plain">
            {problems.map((problem, at) => (
              <li key={at}>
                {problem.line !== undefined && (
                  <button type="button" class="button small" onClick={() => goTo(problem.line ?? 1)}>
                    {t('rules.line', { line: problem.line })}
                  </button>
                )}{' '}
                {problem.text}
              </li>
            ))}
          </ul>
        )}
      </div>
      {mayWrite && (
        <p class="deeds">
          <button type="button" class="button" disabled={!isGood || isBusy} onClick={() => void preview()}>
            {t('rules.preview')}
          </button>
          <button
            type="button"
            class="button primary"
            disabled={!isGood || !isTried || isBusy || text === was}
            onClick={() => void save()}
          >
            {t('action.save')}
          </button>
          {!isTried && <span class="soft">{t('rules.first')}</span>}
        </p>
      )}
      {isTried && tried !== null && <Outcome of={tried.seen} />}
    </section>
  );
}
