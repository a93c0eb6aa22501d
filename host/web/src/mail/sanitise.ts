/**
 * HTML of strangers made harmless. This is the first of three walls; the second is the content security policy of
 * the document that mail is shown in (public/frame), the third that document's sandbox, in which no script runs.
 */
import createDOMPurify, { type Config, type DOMPurify, type WindowLike } from 'dompurify';
import { cleanStyle, cleanStyleSheet } from './css';

export interface SanitiseOptions {
  /** Whether images may come from elsewhere, which tells the sender that, when and where mail was read. */
  remote: boolean;
  /** URLs for the parts of this message that its HTML names by Content-ID. */
  inline?: (cid: string) => string | null;
}

export interface Sanitised {
  styles: string[];
  body: HTMLElement;
  /** How many things the mail wanted to load from elsewhere. */
  blocked: number;
  /** The Content-IDs that the HTML names. */
  cids: string[];
  /** The mail chooses colours: on a page of another colour it could not be read. */
  hasColours: boolean;
}

const FORBIDDEN_TAGS = [
  ...['form', 'input', 'button', 'textarea', 'select', 'option', 'optgroup', 'datalist', 'fieldset', 'label', 'output'],
  ...['iframe', 'object', 'embed', 'applet', 'frame', 'frameset', 'portal', 'fencedframe', 'link', 'meta', 'base'],
  ...[
    'svg',
    'math',
    'audio',
    'video',
    'source',
    'track',
    'picture',
    'canvas',
    'template',
    'slot',
    'dialog',
    'noscript',
  ],
  ...['marquee', 'bgsound', 'details', 'summary', 'map', 'area', 'shadow', 'content', 'menu', 'meter', 'progress'],
];

const FORBIDDEN_ATTRIBUTES = [
  ...[
    'srcset',
    'ping',
    'target',
    'rel',
    'contenteditable',
    'tabindex',
    'accesskey',
    'autofocus',
    'popover',
    'draggable',
  ],
  ...[
    'popovertarget',
    'popovertargetaction',
    'inert',
    'cite',
    'longdesc',
    'formaction',
    'profile',
    'manifest',
    'xml:base',
    'is',
    'slot',
    'part',
    'usemap',
    'download',
    'poster',
    'action',
  ],
];

/** Held against the values of all attributes: the schemes that there may be, and what has no scheme. */
const SCHEMES = /^(?:(?:https?|mailto|tel|cid|blob):|data:image\/|[^a-z]|[a-z+.-]+(?:[^a-z+.\-:]|$))/i;

const DISPLAY: Config = {
  WHOLE_DOCUMENT: true,
  RETURN_DOM: true,
  FORBID_TAGS: FORBIDDEN_TAGS,
  FORBID_ATTR: FORBIDDEN_ATTRIBUTES,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: true,
  USE_PROFILES: { html: true },
  ADD_TAGS: ['style'],
  ALLOWED_URI_REGEXP: SCHEMES,
};

/** For the editor, where quoted mail becomes part of our own page: structure, and no look at all. */
const EDITABLE: Config = {
  RETURN_DOM_FRAGMENT: true,
  ALLOWED_TAGS: [
    ...['a', 'b', 'strong', 'i', 'em', 'u', 's', 'strike', 'del', 'sub', 'sup', 'br', 'p', 'div', 'span', 'blockquote'],
    ...[
      'ul',
      'ol',
      'li',
      'pre',
      'code',
      'h1',
      'h2',
      'h3',
      'h4',
      'h5',
      'h6',
      'hr',
      'table',
      'thead',
      'tbody',
      'tr',
      'td',
    ],
    'th',
  ],
  ALLOWED_ATTR: ['href', 'colspan', 'rowspan', 'type', 'dir', 'lang', 'class'],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: SCHEMES,
};

/** The class that a signature has in what one writes. */
export const SIGNATURE = 'wx-signature';

const LINK = /^(?:https?:|mailto:|tel:|#)/i;
const IMAGE_DATA = /^data:image\/(?:png|jpe?g|gif|webp|bmp|avif|x-icon);/i;

/** What one run of the sanitiser has seen; hooks of DOMPurify know nothing of the call they run in. */
interface Run extends SanitiseOptions {
  blocked: number;
  cids: Set<string>;
}

export class Sanitiser {
  readonly #display: DOMPurify;
  readonly #editable: DOMPurify;
  #run: Run = { remote: false, blocked: 0, cids: new Set() };

  constructor(window: WindowLike) {
    this.#display = createDOMPurify(window);
    this.#editable = createDOMPurify(window);
    this.#display.addHook('uponSanitizeElement', (node) => {
      if (node.nodeName === 'STYLE') node.textContent = this.#css(cleanStyleSheet, node.textContent ?? '');
    });
    this.#display.addHook('uponSanitizeAttribute', (node, attribute) => {
      const value = this.#attribute(node, attribute.attrName, attribute.attrValue);
      if (value === null) attribute.keepAttr = false;
      else attribute.attrValue = value;
    });
    this.#display.addHook('afterSanitizeAttributes', finish);
    this.#editable.addHook('uponSanitizeAttribute', (_, attribute) => {
      const { attrName, attrValue } = attribute;
      if (attrName === 'href' && !/^(?:https?|mailto|tel):/i.test(attrValue.trim())) attribute.keepAttr = false;
      if (attrName === 'class' && attrValue !== SIGNATURE) attribute.keepAttr = false;
    });
  }

  display(html: string, options: SanitiseOptions): Sanitised {
    this.#run = { ...options, blocked: 0, cids: new Set() };
    const root = this.#display.sanitize(html, DISPLAY) as unknown as HTMLElement;
    const styles = [...root.querySelectorAll('style')].map((style) => {
      style.remove();
      return style.textContent ?? '';
    });
    const body = root.querySelector('body') ?? root;
    const hasColours = styles.some(paints) || [body, ...body.querySelectorAll('*')].some(isPainted);
    return { styles, body, blocked: this.#run.blocked, cids: [...this.#run.cids], hasColours };
  }

  editable(html: string): DocumentFragment {
    return this.#editable.sanitize(html, EDITABLE) as unknown as DocumentFragment;
  }

  #attribute(node: Element, name: string, value: string): string | null {
    if (name === 'style') return this.#css(cleanStyle, value);
    if (name === 'href') return LINK.test(value.trim()) ? value.trim() : null;
    if (name === 'src') return node.nodeName === 'IMG' ? this.#image(value.trim()) : null;
    if (name === 'background') return this.#image(value.trim());
    // The names of our own page are not the mail's to take.
    if (name === 'id' || name === 'name') return value.startsWith('waxwing-') ? null : value;
    return value;
  }

  #image(url: string): string | null {
    if (/^cid:/i.test(url)) {
      const cid = decodeCid(url.slice(4));
      this.#run.cids.add(cid);
      return this.#run.inline?.(cid) ?? null;
    }
    if (/^data:/i.test(url)) return IMAGE_DATA.test(url) ? url : null;
    if (!/^(?:https?:)?\/\//i.test(url)) return null;
    if (this.#run.remote) return url.startsWith('//') ? `https:${url}` : url;
    this.#run.blocked++;
    return null;
  }

  #css(clean: typeof cleanStyle, text: string): string {
    const { css, blocked } = clean(text, this.#run.remote);
    this.#run.blocked += blocked;
    return css;
  }
}

function finish(node: Element): void {
  if (node.nodeName === 'A' && node.hasAttribute('href')) {
    // A fragment would be looked for in a new window if it had a target.
    if (!node.getAttribute('href')?.startsWith('#')) node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer nofollow');
  }
  if (node.nodeName === 'IMG') {
    node.setAttribute('referrerpolicy', 'no-referrer');
    if (!node.hasAttribute('alt')) node.setAttribute('alt', '');
  }
}

function decodeCid(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const paints = (css: string) => /(?:^|[\s;{-])(?:color|background(?:-color)?)\s*:/i.test(css);

function isPainted(element: Element): boolean {
  if (element.hasAttribute('bgcolor') || element.hasAttribute('background') || element.hasAttribute('color'))
    return true;
  return paints(element.getAttribute('style') ?? '');
}
