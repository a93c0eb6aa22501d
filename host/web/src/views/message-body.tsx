import { type Signal, useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { t } from '../i18n';
import { formatSize } from '../i18n/format';
import type { BodyPart } from '../jmap/types';
import { bodyOf, isPicture, listedAttachments } from '../mail/body';
import type { FullEmail } from '../mail/reply';
import { linkify, paragraphs } from '../mail/text';
import { followMailto } from '../state/answer';
import { showImage } from '../state/dialogs';
import { saveBlob } from '../state/download';
import { changeSettings, settings } from '../state/settings';
import { useAccount } from './context';
import { Icon } from './icons';
import { type Found, MailFrame } from './mail-frame';

export function MessageBody({ email }: { email: FullEmail }) {
  const body = useMemo(() => bodyOf(email), [email.id]);
  const found = useSignal<Found>({ blocked: 0, cids: new Set() });
  return (
    <>
      {body.kind === 'html' ? (
        <HtmlBody email={email} source={body.source} found={found} />
      ) : (
        <PlainText text={body.source} />
      )}
      {body.isTruncated && <p class="notice">{t('message.truncated')}</p>}
      <Attachments parts={listedAttachments(email, found.value.cids)} />
    </>
  );
}

interface HtmlProps {
  email: FullEmail;
  source: string;
  found: Signal<Found>;
}

function HtmlBody({ email, source, found }: HtmlProps) {
  const sender = email.from?.[0]?.email.toLowerCase() ?? '';
  // Junk is from whomever it says it is from.
  const junk = useAccount().mailboxes.withRole('junk')?.id ?? '';
  const mayTrust = sender !== '' && email.mailboxIds[junk] !== true;
  const isTrusted = mayTrust && settings.value.trusted.includes(sender);
  const asked = useSignal(false);
  const remote = asked.value || isTrusted;
  return (
    <>
      {found.value.blocked > 0 && !remote && (
        <div class="notice images">
          <Icon name="image" size={18} />
          <span title={t('images.hint')}>{t('images.blocked')}</span>
          <button type="button" class="button small" onClick={() => void (asked.value = true)}>
            {t('images.show')}
          </button>
          {mayTrust && (
            <button
              type="button"
              class="button small quiet"
              onClick={() => changeSettings({ trusted: [...settings.peek().trusted, sender] })}
            >
              {t('images.always', { sender })}
            </button>
          )}
        </div>
      )}
      <MailFrame
        key={String(remote)}
        email={email}
        source={source}
        remote={remote}
        onFilled={(now) => void (found.value = now)}
      />
    </>
  );
}

/** Text as it was written, its links to follow, what was quoted paler. */
export function PlainText({ text }: { text: string }) {
  const account = useAccount();
  const blocks = useMemo(() => paragraphs(text), [text]);
  return (
    <div class="plain">
      {blocks.map((block, index) => (
        // Blocks never change their order.
        <div key={index} class={block.depth > 0 ? 'quoted' : undefined} data-depth={Math.min(block.depth, 3)}>
          {linkify(block.text).map((span, at) =>
            'href' in span ? (
              <a
                key={at}
                href={span.href}
                target="_blank"
                rel="noopener noreferrer nofollow"
                onClick={(event) => followMailto(account, span.href) && event.preventDefault()}
              >
                {span.text}
              </a>
            ) : (
              span.text
            ),
          )}
        </div>
      ))}
    </div>
  );
}

function Attachments({ parts }: { parts: BodyPart[] }) {
  const { client } = useAccount();
  if (parts.length === 0) return null;
  return (
    <ul class="attachments" aria-label={t('attachment.list')}>
      {parts.map((part, index) => (
        <li key={`${part.blobId}${index}`}>
          <button
            type="button"
            class="attachment"
            onClick={() => void (isPicture(part) ? showImage(part) : saveBlob(client, part))}
          >
            <span class="attachment-kind" aria-hidden="true">
              {extension(part)}
            </span>
            <span class="attachment-name">{part.name ?? t('attachment.unnamed')}</span>
            <span class="attachment-size">{formatSize(part.size)}</span>
            <Icon name={isPicture(part) ? 'image' : 'download'} size={18} />
            <span class="hidden">{isPicture(part) ? t('action.show') : t('action.download')}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function extension(part: BodyPart): string {
  const fromName = /\.(\w{1,4})$/.exec(part.name ?? '')?.[1];
  return (fromName ?? part.type.split('/')[1] ?? '').slice(0, 4).toUpperCase();
}
