/** Where a message is written: rich by Squire, plain in a text area. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import Squire from 'squire-rte';
import { type MessageKey, t } from '../i18n';
import { SIGNATURE } from '../mail/sanitise';
import { htmlToText } from '../mail/text';
import type { ComposeSession } from '../state/compose';
import { prompt } from '../state/dialogs';
import { sanitiser } from '../state/sanitiser';
import { signatureElement } from '../state/signature';
import { Icon, type IconName } from './icons';

export function Editor({ session }: { session: ComposeSession }) {
  return session.format.value === 'html' ? <RichEditor session={session} /> : <PlainEditor session={session} />;
}

function PlainEditor({ session }: { session: ComposeSession }) {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (!session.isAnswer || area.current === null) return;
    area.current.focus();
    area.current.setSelectionRange(0, 0);
    area.current.scrollTop = 0;
  }, []);
  return (
    <textarea
      class="editor plain-editor"
      ref={area}
      aria-label={t('compose.body')}
      defaultValue={session.text}
      onInput={(event) => {
        session.text = event.currentTarget.value;
        session.changed();
      }}
    />
  );
}

function RichEditor({ session }: { session: ComposeSession }) {
  const root = useRef<HTMLDivElement>(null);
  const editor = useRef<Squire | null>(null);
  const path = useSignal('');
  useEffect(() => {
    if (root.current === null) return;
    const squire = makeEditor(root.current, session);
    editor.current = squire;
    squire.addEventListener('pathChange', () => void (path.value = squire.getPath()));
    const stop = session.identityId.subscribe(() => sign(squire, session));
    return () => {
      stop();
      squire.destroy();
    };
  }, []);
  return (
    <>
      <Toolbar editor={editor} path={path} />
      {/* biome-ignore lint/a11y/useSemanticElements: a text area holds no formatting */}
      <div
        class="editor rich-editor"
        ref={root}
        role="textbox"
        aria-multiline="true"
        aria-label={t('compose.body')}
        tabIndex={0}
      />
    </>
  );
}

function makeEditor(root: HTMLElement, session: ComposeSession): Squire {
  const squire = new Squire(root, {
    blockTag: 'DIV',
    sanitizeToDOMFragment: (html: string) => document.importNode(sanitiser().editable(html), true),
    // A link of the editor's is a link of the mail's: how it opens is for who reads it.
    tagAttributes: { a: {} },
  });
  squire.setHTML(session.html);
  session.html = squire.getHTML();
  session.text = htmlToText(root);
  squire.addEventListener('input', () => {
    // Setting it up is a change to the editor, too.
    if (squire.getHTML() === session.html) return;
    session.html = squire.getHTML();
    session.text = htmlToText(root);
    session.changed();
  });
  squire.addEventListener('pasteImage', ((event: CustomEvent<{ clipboardData: DataTransfer }>) => {
    session.attachments.addFiles(event.detail.clipboardData.files);
  }) as (event: Event) => void);
  if (session.isAnswer) {
    squire.focus();
    squire.moveCursorToStart();
    root.scrollTop = 0;
  }
  return squire;
}

/** Puts the signature of whom one writes as in the place of the one that is there. */
function sign(editor: Squire, session: ComposeSession): void {
  const old = editor.getRoot().querySelector(`.${SIGNATURE}`);
  const next = signatureElement(session.identity);
  if (old?.outerHTML === next?.outerHTML || session.saveState.peek() === 'clean') return;
  editor.saveUndoState();
  if (old === null && next !== null) editor.getRoot().append(next);
  else if (next === null) old?.remove();
  else old?.replaceWith(next);
}

interface Tool {
  icon: IconName;
  label: MessageKey;
  isOn: (path: string) => boolean;
  run: (editor: Squire, isOn: boolean) => void;
}

const has = (tag: RegExp) => (path: string) => tag.test(path);

const TOOLS: Tool[] = [
  { icon: 'bold', label: 'editor.bold', isOn: has(/>B\b/), run: (e, on) => void (on ? e.removeBold() : e.bold()) },
  {
    icon: 'italic',
    label: 'editor.italic',
    isOn: has(/>I\b/),
    run: (e, on) => void (on ? e.removeItalic() : e.italic()),
  },
  {
    icon: 'underline',
    label: 'editor.underline',
    isOn: has(/>U\b/),
    run: (e, on) => void (on ? e.removeUnderline() : e.underline()),
  },
  {
    icon: 'strike',
    label: 'editor.strike',
    isOn: has(/>S\b/),
    run: (e, on) => void (on ? e.removeStrikethrough() : e.strikethrough()),
  },
  {
    icon: 'bullets',
    label: 'editor.bullets',
    isOn: has(/>UL\b/),
    run: (e, on) => void (on ? e.removeList() : e.makeUnorderedList()),
  },
  {
    icon: 'numbers',
    label: 'editor.numbers',
    isOn: has(/>OL\b/),
    run: (e, on) => void (on ? e.removeList() : e.makeOrderedList()),
  },
  {
    icon: 'quote',
    label: 'editor.quote',
    isOn: has(/BLOCKQUOTE/),
    run: (e, on) => void (on ? e.decreaseQuoteLevel() : e.increaseQuoteLevel()),
  },
  { icon: 'link', label: 'editor.link', isOn: has(/>A\b/), run: (e, on) => void (on ? e.removeLink() : addLink(e)) },
  { icon: 'clear', label: 'editor.clear', isOn: () => false, run: (e) => void e.removeAllFormatting() },
];

async function addLink(editor: Squire): Promise<void> {
  const range = editor.getSelection();
  const url = await prompt({
    title: t('editor.link'),
    label: t('editor.address'),
    value: 'https://',
    action: t('action.add'),
  });
  editor.focus();
  editor.setSelection(range);
  if (url && /^(?:https?:\/\/|mailto:).+/i.test(url)) editor.makeLink(url);
}

function Toolbar({ editor, path }: { editor: { current: Squire | null }; path: Signal<string> }) {
  const bar = useRef<HTMLDivElement>(null);
  const moveFocus = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const buttons = [...(bar.current?.querySelectorAll('button') ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  };
  // Squire names the path from the root: a sign before each tag.
  const current = `>${path.value}`;
  return (
    <div
      class="editor-bar"
      role="toolbar"
      tabIndex={-1}
      aria-label={t('editor.toolbar')}
      ref={bar}
      onKeyDown={moveFocus}
    >
      {TOOLS.map((tool, index) => {
        const isOn = tool.isOn(current);
        return (
          <button
            key={tool.icon}
            type="button"
            class="icon-button"
            aria-label={t(tool.label)}
            title={t(tool.label)}
            aria-pressed={tool.icon === 'clear' ? undefined : isOn}
            tabIndex={index === 0 ? 0 : -1}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => editor.current && tool.run(editor.current, isOn)}
          >
            <Icon name={tool.icon} size={18} />
          </button>
        );
      })}
    </div>
  );
}
