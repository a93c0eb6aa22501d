/** The writer: a sheet over the corner of the page, the whole page on a phone. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { formatSize } from '../i18n/format';
import { isAddress } from '../mail/addresses';
import { promisesAttachment, recipientsOf } from '../mail/draft';
import { escapeHtml } from '../mail/text';
import type { Attachment } from '../state/attachments';
import { type ComposeSession, closeComposer, composing } from '../state/compose';
import { confirm } from '../state/dialogs';
import { showToast } from '../state/toasts';
import { useAccount } from './context';
import { Editor } from './editor';
import { Icon } from './icons';
import { IconButton } from './parts';
import { RecipientField } from './recipient-field';

export default function Composer() {
  const session = composing.value;
  return session === null ? null : <Sheet key={String(sessionKey(session))} session={session} />;
}

const keys = new WeakMap<ComposeSession, number>();
let lastKey = 0;

/** Another message is another sheet, with another editor. */
function sessionKey(session: ComposeSession): number {
  const key = keys.get(session) ?? ++lastKey;
  keys.set(session, key);
  return key;
}

function Sheet({ session }: { session: ComposeSession }) {
  const isDropping = useSignal(false);
  const root = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    return () => before?.focus({ preventScroll: true });
  }, [session]);
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (session.saveState.peek() === 'dirty' || session.attachments.isUploading) event.preventDefault();
    };
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [session]);
  const drop = (event: DragEvent) => {
    isDropping.value = false;
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    event.stopPropagation();
    session.attachments.addFiles(event.dataTransfer.files);
  };
  const isFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
  const keydown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void send(session);
    } else if (event.key === 'Escape' && !event.defaultPrevented) void closeComposer();
  };
  return (
    <section
      class={isDropping.value ? 'composer dropping' : 'composer'}
      role="dialog"
      aria-label={t('compose.title')}
      ref={root}
      onKeyDown={keydown}
      onDragOver={(event) => {
        if (!isFiles(event)) return;
        event.preventDefault();
        isDropping.value = true;
      }}
      onDragLeave={(event) => {
        if (!root.current?.contains(event.relatedTarget as Node)) isDropping.value = false;
      }}
      onDropCapture={drop}
    >
      <Head session={session} />
      <Fields session={session} />
      <Editor session={session} />
      <AttachmentList session={session} />
      <Foot session={session} />
      {isDropping.value && <div class="drop-hint">{t('attachment.drop')}</div>}
    </section>
  );
}

function Head({ session }: { session: ComposeSession }) {
  const state = session.saveState.value;
  const words = {
    clean: '',
    dirty: '',
    saving: t('compose.saving'),
    saved: t('compose.saved'),
    failed: t('compose.saveFailed'),
  }[state];
  return (
    <div class="composer-head">
      <h2>{session.subject.value || t('compose.title')}</h2>
      <span class={state === 'failed' ? 'save-state failed' : 'save-state'} role="status">
        {words}
      </span>
      <IconButton icon="close" label={t('compose.close')} onClick={() => void closeComposer()} />
    </div>
  );
}

function Fields({ session }: { session: ComposeSession }) {
  const account = useAccount();
  const identities = account.identities.value;
  const hasCopies = useSignal(session.cc.peek().length + session.bcc.peek().length > 0);
  const changed = () => session.changed();
  return (
    <div class="composer-fields">
      {identities.length > 1 && (
        <label class="line-field">
          <span>{t('field.from')}</span>
          <select
            value={session.identityId.value}
            onChange={(event) => session.chooseIdentity(event.currentTarget.value)}
          >
            {identities.map((identity) => (
              <option key={identity.id} value={identity.id}>
                {identity.name ? `${identity.name} <${identity.email}>` : identity.email}
              </option>
            ))}
          </select>
        </label>
      )}
      <div class="line-field-row">
        <RecipientField label={t('field.to')} value={session.to} onChange={changed} autofocus={!session.isAnswer} />
        {!hasCopies.value && (
          <button type="button" class="text-button" onClick={() => void (hasCopies.value = true)}>
            {t('compose.copies')}
          </button>
        )}
      </div>
      {hasCopies.value && (
        <>
          <RecipientField label={t('field.cc')} value={session.cc} onChange={changed} autofocus={false} />
          <RecipientField label={t('field.bcc')} value={session.bcc} onChange={changed} autofocus={false} />
        </>
      )}
      <label class="line-field">
        <span>{t('field.subject')}</span>
        <input
          value={session.subject.value}
          maxLength={900}
          autocomplete="off"
          onInput={(event) => {
            session.subject.value = event.currentTarget.value;
            changed();
          }}
        />
      </label>
    </div>
  );
}

function AttachmentList({ session }: { session: ComposeSession }) {
  const list = session.attachments.list.value;
  if (list.length === 0) return null;
  return (
    <ul class="compose-attachments" aria-label={t('attachment.list')}>
      {list.map((attachment) => (
        <AttachmentItem key={attachment.key} attachment={attachment} session={session} />
      ))}
    </ul>
  );
}

function AttachmentItem({ attachment, session }: { attachment: Attachment; session: ComposeSession }) {
  const { name, size, progress, error, blobId } = attachment;
  const isFailed = error.value !== null;
  return (
    <li class={isFailed ? 'compose-attachment failed' : 'compose-attachment'}>
      <Icon name="attachment" size={16} />
      <span class="attachment-name">{name}</span>
      <span class="attachment-size">{error.value ?? formatSize(size)}</span>
      {blobId.value === null && !isFailed && (
        <progress max={1} value={progress.value} aria-label={t('attachment.progress', { name })} />
      )}
      <IconButton
        icon="close"
        label={t('attachment.remove', { name })}
        onClick={() => session.attachments.remove(attachment.key)}
      />
    </li>
  );
}

function Foot({ session }: { session: ComposeSession }) {
  const picker = useRef<HTMLInputElement>(null);
  const isHtml = session.format.value === 'html';
  const isBusy = session.isSending.value || session.attachments.isUploading;
  const discard = async () => {
    const isEmpty = session.saveState.peek() === 'clean';
    const sure =
      isEmpty ||
      (await confirm({
        title: t('compose.discard.title'),
        text: t('compose.discard.text'),
        action: t('action.discard'),
        isDanger: true,
      }));
    if (!sure) return;
    composing.value = null;
    await session.discard();
  };
  return (
    <div class="composer-foot">
      <button
        type="button"
        class="button primary"
        disabled={isBusy}
        title="Ctrl+Enter"
        onClick={() => void send(session)}
      >
        <Icon name="sent" /> {session.attachments.isUploading ? t('compose.uploading') : t('action.send')}
      </button>
      <IconButton icon="attachment" label={t('attachment.add')} onClick={() => picker.current?.click()} />
      <input
        ref={picker}
        class="hidden"
        type="file"
        multiple
        tabIndex={-1}
        aria-label={t('attachment.add')}
        onChange={(event) => {
          session.attachments.addFiles(event.currentTarget.files ?? []);
          event.currentTarget.value = '';
        }}
      />
      <button type="button" class="text-button" onClick={() => switchFormat(session, isHtml)}>
        {isHtml ? t('compose.toPlain') : t('compose.toRich')}
      </button>
      <span class="spacer" />
      <IconButton icon="trash" label={t('action.discard')} onClick={() => void discard()} />
    </div>
  );
}

/** The editor keeps a plain form of what is rich; the way back makes paragraphs of lines. */
function switchFormat(session: ComposeSession, isHtml: boolean): void {
  if (!isHtml)
    session.html = session.text
      .split('\n')
      .map((line) => `<div>${escapeHtml(line) || '<br>'}</div>`)
      .join('');
  session.format.value = isHtml ? 'text' : 'html';
  session.changed();
}

async function send(session: ComposeSession): Promise<void> {
  if (session.isSending.peek() || session.attachments.isUploading) return;
  (document.activeElement as HTMLElement | null)?.blur();
  const recipients = recipientsOf(session.draft);
  const wrong = recipients.find(({ email }) => !isAddress(email));
  if (recipients.length === 0) return void showToast(t('error.noRecipients'), { isError: true });
  if (wrong !== undefined) return void showToast(t('compose.badAddress', { address: wrong.email }), { isError: true });
  if (session.identity === undefined) return void showToast(t('error.noIdentity'), { isError: true });
  if (!(await isMeant(session))) return;
  if ((await session.send()) && composing.peek() === session) composing.value = null;
}

/** Asks about what is forgotten most. */
async function isMeant(session: ComposeSession): Promise<boolean> {
  const action = t('compose.sendAnyway');
  if (session.subject.peek().trim() === '') {
    const title = t('compose.noSubject.title');
    if (!(await confirm({ title, text: t('compose.noSubject.text'), action, isDanger: false }))) return false;
  }
  if (session.attachments.ready.length === 0 && promisesAttachment(`${session.subject.peek()}\n${session.text}`)) {
    const title = t('compose.noAttachment.title');
    return confirm({ title, text: t('compose.noAttachment.text'), action, isDanger: false });
  }
  return true;
}
