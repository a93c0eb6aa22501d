import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import type { Id } from '../jmap/types';
import { type Dialog, dialog } from '../state/dialogs';
import { saveBlob } from '../state/download';
import { asKeyword, knownKeywords } from '../state/labels';
import { showError } from '../state/toasts';
import { useAccount } from './context';
import { Icon } from './icons';
import { keyLabel, SHORTCUTS } from './keyboard';
import { Label } from './labels';
import { Field, IconButton } from './parts';

export function Dialogs() {
  const shown = dialog.value;
  switch (shown?.kind) {
    case 'confirm':
      return <Confirm {...shown} />;
    case 'prompt':
      return <Prompt {...shown} />;
    case 'mailbox':
      return <MailboxPicker {...shown} />;
    case 'labels':
      return <LabelEditor {...shown} />;
    case 'image':
      return <ImageView {...shown} />;
    case 'shortcuts':
      return <ShortcutSheet {...shown} />;
    default:
      return null;
  }
}

type Of<K extends Dialog['kind']> = Extract<Dialog, { kind: K }>;

interface FrameProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  class?: string;
}

function DialogFrame({ title, onClose, children, class: extra = '' }: FrameProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    element.current?.showModal();
    return () => before?.focus();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the dialog's own
    <dialog
      ref={element}
      class={`dialog ${extra}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <div class="dialog-inner">
        <div class="dialog-head">
          <h2 id={id}>{title}</h2>
          <IconButton icon="close" label={t('action.close')} onClick={onClose} />
        </div>
        {children}
      </div>
    </dialog>
  );
}

function Confirm({ title, text, action, isDanger, done }: Of<'confirm'>) {
  return (
    <DialogFrame title={title} onClose={() => done(false)}>
      <p>{text}</p>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={() => done(false)}>
          {t('action.cancel')}
        </button>
        <button
          type="button"
          class={isDanger ? 'button danger' : 'button primary'}
          autofocus
          onClick={() => done(true)}
        >
          {action}
        </button>
      </div>
    </DialogFrame>
  );
}

function Prompt({ title, label, value, action, done }: Of<'prompt'>) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.select(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    done(input.current?.value.trim() ?? null);
  };
  return (
    <DialogFrame title={title} onClose={() => done(null)}>
      <form onSubmit={submit}>
        <Field label={label}>
          <input ref={input} defaultValue={value} required maxLength={200} autocomplete="off" autofocus />
        </Field>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={() => done(null)}>
            {t('action.cancel')}
          </button>
          <button type="submit" class="button primary">
            {action}
          </button>
        </div>
      </form>
    </DialogFrame>
  );
}

function MailboxPicker({ title, done }: Of<'mailbox'>) {
  const account = useAccount();
  const [text, setText] = useState('');
  const current = account.list.value?.mailboxId;
  const found = account.mailboxes.tree.filter(
    ({ mailbox }) =>
      mailbox.id !== current &&
      mailbox.myRights.mayAddItems &&
      account.mailboxName(mailbox.id).toLowerCase().includes(text.toLowerCase()),
  );
  const first = found[0]?.mailbox.id ?? null;
  const submit = (event: Event) => {
    event.preventDefault();
    if (first !== null) done(first);
  };
  return (
    <DialogFrame title={title} onClose={() => done(null)}>
      <form onSubmit={submit}>
        <input
          class="picker-filter"
          aria-label={t('mailbox.find')}
          placeholder={t('mailbox.find')}
          autocomplete="off"
          autofocus
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </form>
      <ul class="picker">
        {found.map(({ mailbox, depth }) => (
          <li key={mailbox.id} data-depth={text === '' ? Math.min(depth, 5) : 0}>
            <button type="button" onClick={() => done(mailbox.id)}>
              <Icon name={mailbox.role ?? 'folder'} size={18} /> {account.mailboxName(mailbox.id)}
            </button>
          </li>
        ))}
      </ul>
    </DialogFrame>
  );
}

function LabelEditor({ emailIds, done }: Of<'labels'>) {
  const account = useAccount();
  const { store, actions } = account;
  const input = useRef<HTMLInputElement>(null);
  const [known, setKnown] = useState(() => knownKeywords(store));
  const isOn = (keyword: string) => emailIds.every((id) => store.emails.get(id)?.keywords[keyword] === true);
  const toggle = (keyword: string, ids: Id[] = emailIds) => void actions.setKeyword(ids, keyword, !isOn(keyword));
  const add = (event: Event) => {
    event.preventDefault();
    const keyword = asKeyword(input.current?.value ?? '');
    input.current?.setCustomValidity(keyword === null ? t('label.invalid') : '');
    if (keyword === null) return void input.current?.reportValidity();
    if (input.current) input.current.value = '';
    setKnown([...new Set([...known, keyword])].sort());
    if (!isOn(keyword)) toggle(keyword);
  };
  return (
    <DialogFrame title={t('action.label')} onClose={done}>
      <ul class="picker">
        {known.map((keyword) => (
          <li key={keyword}>
            <label class="check">
              <input type="checkbox" checked={isOn(keyword)} onChange={() => toggle(keyword)} />
              <Label keyword={keyword} />
            </label>
          </li>
        ))}
      </ul>
      <form class="label-new" onSubmit={add}>
        <input
          ref={input}
          aria-label={t('label.new')}
          placeholder={t('label.new')}
          maxLength={60}
          autocomplete="off"
          onInput={(event) => event.currentTarget.setCustomValidity('')}
        />
        <button type="submit" class="button">
          {t('action.add')}
        </button>
      </form>
    </DialogFrame>
  );
}

function ImageView({ part, done }: Of<'image'>) {
  const { client } = useAccount();
  const [url, setUrl] = useState<string | null>(null);
  const name = part.name ?? t('attachment.unnamed');
  useEffect(() => {
    let made: string | null = null;
    let isGone = false;
    client.download(part).then(
      (blob) => {
        if (isGone) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
      },
      (error) => {
        showError(error);
        done();
      },
    );
    return () => {
      isGone = true;
      if (made !== null) URL.revokeObjectURL(made);
    };
  }, []);
  return (
    <DialogFrame title={name} onClose={done} class="image-view">
      {url === null ? <div class="ghost-body" aria-busy="true" /> : <img src={url} alt={name} />}
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={() => void saveBlob(client, part)}>
          <Icon name="download" /> {t('action.download')}
        </button>
      </div>
    </DialogFrame>
  );
}

function ShortcutSheet({ done }: Of<'shortcuts'>) {
  const { features } = useAccount();
  return (
    <DialogFrame title={t('shortcuts.help')} onClose={done} class="shortcut-sheet">
      <div class="shortcut-groups">
        {SHORTCUTS.map((group) => (
          <section key={group.title}>
            <h3>{t(group.title)}</h3>
            <dl>
              {group.list
                .filter((shortcut) => !shortcut.submits || features.canSubmit)
                .map((shortcut) => (
                  <div key={shortcut.label}>
                    <dt>{t(shortcut.label)}</dt>
                    <dd>
                      {shortcut.keys.map((keys) => (
                        <span key={keys}>
                          {keys.split(' ').map((key) => (
                            <kbd key={key}>{keyLabel(key)}</kbd>
                          ))}
                        </span>
                      ))}
                    </dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
      </div>
    </DialogFrame>
  );
}
