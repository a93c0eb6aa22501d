/** HTML mail in its frame, as high as it is. */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { t } from '../i18n';
import type { Client } from '../jmap/client';
import type { BodyPart } from '../jmap/types';
import { cidOf, inlineParts } from '../mail/body';
import { type FrameLook, fillFrame, frameUrl, SANDBOX } from '../mail/frame';
import type { FullEmail } from '../mail/reply';
import type { Account } from '../state/account';
import { followMailto } from '../state/answer';
import { loadSanitiser } from '../state/sanitiser';
import { isDark } from '../state/settings';
import { useAccount } from './context';

interface FrameProps {
  email: FullEmail;
  source: string;
  remote: boolean;
  onFilled: (found: Found) => void;
}

/** What the mail wants beside its words. */
export interface Found {
  /** How many things from elsewhere were kept from it. */
  blocked: number;
  /** The Content-IDs of those of its own parts that it shows. */
  cids: ReadonlySet<string>;
}

export function MailFrame({ email, source, remote, onFilled }: FrameProps) {
  const account = useAccount();
  const { client } = account;
  const frame = useRef<HTMLIFrameElement>(null);
  const dark = isDark.value;
  const parts = useMemo(() => inlineParts(email), [email.id]);
  const urls = useRef(new Map<string, string>());
  const stop = useRef(() => {});

  const fill = async () => {
    const sanitiser = await loadSanitiser();
    const doc = frame.current?.contentDocument;
    // Before it has loaded, a frame holds an empty document of no address.
    if (!doc?.body || !frame.current || doc.URL === 'about:blank') return;
    for (const style of doc.head.querySelectorAll('style')) style.remove();
    const mail = sanitiser.display(source, { remote, inline: (cid) => urls.current.get(cid) ?? null });
    fillFrame(doc, mail, look(dark), email.subject ?? t('message.noSubject'));
    frame.current.dataset.paper = mail.hasColours ? 'own' : 'page';
    stop.current();
    stop.current = follow(frame.current, doc, account);
    onFilled({ blocked: mail.blocked, cids: new Set(mail.cids.filter((cid) => parts.has(cid))) });
    void loadInline(client, mail.cids, parts, urls.current).then((loaded) => loaded && void fill());
  };
  useEffect(() => void fill(), [dark]);
  useEffect(
    () => () => {
      stop.current();
      for (const url of urls.current.values()) URL.revokeObjectURL(url);
    },
    [],
  );
  return (
    <iframe
      class="mail-frame"
      ref={frame}
      title={t('message.frame')}
      src={frameUrl(remote)}
      sandbox={SANDBOX}
      referrerpolicy="no-referrer"
      onLoad={() => void fill()}
    />
  );
}

function look(dark: boolean): FrameLook {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return { ink: colour('--ink'), paper: colour('--paper'), link: colour('--accent'), dark };
}

/** A mail may grow with its frame and its frame with it; that ends here. */
const MAX_RESIZES = 60;

/** Below this, one would rather scroll than read. */
const SMALLEST = 0.55;

/** Mail made for a wider screen is made smaller, as a phone does with pages. */
function shrink(doc: Document, width: number): void {
  doc.body.style.setProperty('zoom', '1');
  const wanted = doc.documentElement.scrollWidth;
  if (wanted > width + 1) doc.body.style.setProperty('zoom', String(Math.max(width / wanted, SMALLEST)));
}

/** Keeps the frame as high as its document, and lets the page's keys and links to addresses work in it. */
function follow(frame: HTMLIFrameElement, doc: Document, account: Account): () => void {
  let resizes = 0;
  let fitted = 0;
  const resize = () => {
    if (fitted !== frame.clientWidth) {
      fitted = frame.clientWidth;
      shrink(doc, fitted);
    }
    const height = Math.ceil(doc.documentElement.getBoundingClientRect().height);
    if (height > 0 && resizes++ < MAX_RESIZES) frame.style.height = `${Math.min(height, 60_000)}px`;
  };
  resize();
  const observer = new ResizeObserver(resize);
  observer.observe(doc.documentElement);
  observer.observe(frame);
  const pass = (event: KeyboardEvent) => {
    if (event.key === 'Enter') return;
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
    frame.dispatchEvent(new KeyboardEvent('keydown', { key, ctrlKey, metaKey, altKey, shiftKey, bubbles: true }));
  };
  const click = (event: MouseEvent) => {
    // An element of the frame's own realm: `instanceof` of ours knows it not.
    const link = (event.target as Element | null)?.closest?.('a[href^="mailto:" i]');
    if (link && followMailto(account, link.getAttribute('href') ?? '')) event.preventDefault();
  };
  doc.addEventListener('keydown', pass);
  doc.addEventListener('click', click);
  return () => {
    observer.disconnect();
    doc.removeEventListener('keydown', pass);
    doc.removeEventListener('click', click);
  };
}

/** Fetches what the HTML names of the message's own parts; true if anything new is there. */
async function loadInline(
  client: Client,
  cids: string[],
  parts: Map<string, BodyPart>,
  urls: Map<string, string>,
): Promise<boolean> {
  const wanted = [...new Set(cids)].flatMap((cid) => {
    const part = parts.get(cid);
    return part === undefined || urls.has(cid) ? [] : [part];
  });
  const loaded = await Promise.all(
    wanted.map(async (part) => {
      const blob = await client.download(part).catch(() => null);
      if (blob !== null) urls.set(cidOf(part), URL.createObjectURL(blob));
      return blob !== null;
    }),
  );
  return loaded.some(Boolean);
}
