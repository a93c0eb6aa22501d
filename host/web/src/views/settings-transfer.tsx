/** Mail that is brought along, and taken along. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { plural, t } from '../i18n';
import { formatSize } from '../i18n/format';
import { type BringLimits, type BringProgress, type Brought, bring } from '../jmap/bring';
import type { Mailbox } from '../jmap/types';
import { explain, showError } from '../state/toasts';
import { useAccount } from './context';
import { Field } from './parts';

export function TransferSettings() {
  return (
    <>
      <Import />
      <Export />
    </>
  );
}

interface Result {
  name: string;
  brought: Brought | null;
  error: string | null;
}

function Import() {
  const { owner, client, sync } = useAccount();
  const [limits, setLimits] = useState<BringLimits | null>(null);
  const [progress, setProgress] = useState<(BringProgress & { name: string }) | null>(null);
  const [results, setResults] = useState<Result[]>([]);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => void owner.bringLimits().then(setLimits, showError), []);
  const one = async (file: File, mailbox: string): Promise<Result> => {
    const { name } = file;
    if (limits !== null && file.size > limits.fileSize) {
      return { name, brought: null, error: t('transfer.tooLarge', { limit: formatSize(limits.fileSize) }) };
    }
    try {
      const brought = await bring(client.transport.auth, file, mailbox, (now) => setProgress({ ...now, name }));
      return { name, brought, error: null };
    } catch (error) {
      return { name, brought: null, error: explain(error) };
    }
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const data = new FormData(form.current ?? undefined);
    setResults([]);
    for (const file of data.getAll('files') as File[]) {
      setProgress({ name: file.name, sent: 0, done: 0 });
      const result = await one(file, String(data.get('mailbox')));
      setResults((before) => [...before, result]);
    }
    setProgress(null);
    form.current?.reset();
    void sync.run();
  };
  return (
    <section class="settings-card" aria-label={t('transfer.import')}>
      <h2>{t('transfer.import')}</h2>
      <p class="field-hint">
        {t('transfer.import.hint')}{' '}
        {limits !== null &&
          t('transfer.limits', { file: formatSize(limits.fileSize), message: formatSize(limits.messageSize) })}
      </p>
      <form class="proved" ref={form} onSubmit={submit}>
        <Field label={t('transfer.files')}>
          <input name="files" type="file" accept=".mbox,.eml,.mbx,application/mbox,message/rfc822" multiple required />
        </Field>
        <MailboxField label={t('transfer.into')} />
        <button type="submit" class="button primary" disabled={progress !== null}>
          {t('transfer.import.action')}
        </button>
      </form>
      {progress !== null && (
        <div class="bringing">
          <span>
            {progress.sent < 1
              ? t('transfer.sending', { name: progress.name })
              : plural('transfer.done', progress.done, { name: progress.name })}
          </span>
          <progress aria-label={progress.name} {...(progress.sent < 1 ? { value: progress.sent } : {})} />
        </div>
      )}
      <ul class="known" aria-live="polite">
        {results.map((result, index) => (
          <li key={index}>
            <Outcome {...result} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Exactly what was taken. */
function Outcome({ name, brought, error }: Result) {
  return (
    <div>
      <strong>{name}</strong>
      {error !== null && <span class="field-hint">{error}</span>}
      {brought !== null && (
        <>
          {brought.stopped === undefined ? (
            <span class="field-hint">
              {plural('transfer.taken', brought.messages)}{' '}
              {brought.known > 0 && plural('transfer.known', brought.known)}
            </span>
          ) : (
            <span class="field-hint">{t('transfer.stopped', { why: brought.stopped })}</span>
          )}
          {brought.said.length > 0 && (
            <details>
              <summary>{plural('transfer.leftOut', brought.leftOut)}</summary>
              <ul class="said">
                {brought.said.map((line) => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
            </details>
          )}
        </>
      )}
    </div>
  );
}

function Export() {
  const { mailboxes } = useAccount();
  const [path, setPath] = useState('INBOX');
  return (
    <section class="settings-card" aria-label={t('transfer.export')}>
      <h2>{t('transfer.export')}</h2>
      <p class="field-hint">{t('transfer.export.hint')}</p>
      <a class="button" href="/account/export" download>
        {t('transfer.export.all')}
      </a>
      <MailboxField label={t('transfer.from')} onChange={setPath} />
      <a class="button" href={`/account/export?mailbox=${encodeURIComponent(path)}`} download>
        {t('transfer.export.one', { name: nameOf(path, mailboxes.all) })}
      </a>
    </section>
  );
}

function nameOf(path: string, all: readonly Mailbox[]): string {
  return path === 'INBOX' ? (all.find(({ role }) => role === 'inbox')?.name ?? path) : path;
}

/** A mailbox by its path, as the server's protocols name it. */
function MailboxField({ label, onChange }: { label: string; onChange?: (path: string) => void }) {
  const { mailboxes } = useAccount();
  const pathOf = (mailbox: Mailbox): string => {
    if (mailbox.role === 'inbox') return 'INBOX';
    const parent = mailbox.parentId === null ? undefined : mailboxes.get(mailbox.parentId);
    return parent === undefined ? mailbox.name : `${pathOf(parent)}/${mailbox.name}`;
  };
  return (
    <Field label={label}>
      <select name="mailbox" onChange={(event) => onChange?.(event.currentTarget.value)}>
        {mailboxes.tree.map(({ mailbox, depth }) => (
          <option key={mailbox.id} value={pathOf(mailbox)}>
            {' '.repeat(depth * 2) + mailbox.name}
          </option>
        ))}
      </select>
    </Field>
  );
}
