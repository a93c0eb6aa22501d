/** Plain text to show, and HTML to plain text. */

export type Span = { text: string } | { text: string; href: string };

const URL_PATTERN = /\b(?:https?:\/\/|mailto:|www\.)[^\s<>"']+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b/gi;

/** Splits text at what can be followed. */
export function linkify(text: string): Span[] {
  const spans: Span[] = [];
  let last = 0;
  for (const match of text.matchAll(URL_PATTERN)) {
    const found = trimUrl(match[0]);
    if (match.index > last) spans.push({ text: text.slice(last, match.index) });
    spans.push({ text: found, href: hrefOf(found) });
    last = match.index + found.length;
  }
  if (last < text.length) spans.push({ text: text.slice(last) });
  return spans;
}

/** What ends a sentence is not part of its last address; a closing bracket is if it was opened. */
function trimUrl(url: string): string {
  let end = url.length;
  for (;;) {
    const rest = url.slice(0, end);
    if (/[.,;:!?'"*]$/.test(rest)) end--;
    else if (rest.endsWith(')') && rest.split('(').length < rest.split(')').length) end--;
    else return rest;
  }
}

function hrefOf(text: string): string {
  if (/^(?:https?:|mailto:)/i.test(text)) return text;
  return text.includes('@') && !text.startsWith('www.') ? `mailto:${text}` : `https://${text}`;
}

export interface Paragraph {
  /** How often it was quoted. */
  depth: number;
  text: string;
}

/** Text by runs of the same quoting depth (RFC 3676 §4.5). */
export function paragraphs(text: string): Paragraph[] {
  const out: Paragraph[] = [];
  for (const line of text.replace(/\r\n?/g, '\n').split('\n')) {
    const quote = /^(?:> ?)+/.exec(line)?.[0] ?? '';
    const depth = quote.replaceAll(' ', '').length;
    const last = out.at(-1);
    const rest = line.slice(quote.length);
    if (last !== undefined && last.depth === depth) last.text += `\n${rest}`;
    else out.push({ depth, text: rest });
  }
  return out;
}

const BLOCKS = new Set(
  'ADDRESS BLOCKQUOTE DIV DL FIGURE H1 H2 H3 H4 H5 H6 HR LI OL P PRE SECTION TABLE TR UL ARTICLE HEADER FOOTER'.split(
    ' ',
  ),
);

/** What a person would read of the HTML: blocks are lines, lists have signs, quotes have `>`. */
export function htmlToText(root: Node): string {
  const text = render(root);
  return (
    text
      .replace(/[ \t]+\n/g, '\n')
      // RFC 3676 §4.3: the line above a signature ends in a space.
      .replace(/^--$/gm, '-- ')
      .replace(/\n{3,}/g, '\n\n')
      .trim()
  );
}

function render(node: Node): string {
  if (node.nodeType === 3) return (node.textContent ?? '').replace(/\u200b/g, '').replace(/[\s\u00a0]+/g, ' ');
  const name = node.nodeName;
  if (name === 'BR') return '\n';
  if (name === 'HR') return '\n---\n';
  if (name === 'STYLE' || name === 'SCRIPT' || name === 'HEAD' || name === 'TITLE') return '';
  if (name === 'PRE') return `\n${node.textContent ?? ''}\n`;
  let inner = '';
  for (const child of node.childNodes) {
    const piece = render(child);
    // No two line breaks where one block ends and the next begins.
    inner += inner.endsWith('\n') && piece.startsWith('\n') && BLOCKS.has(child.nodeName) ? piece.slice(1) : piece;
  }
  return decorate(node, name, inner);
}

function decorate(node: Node, name: string, inner: string): string {
  const lines = inner.replace(/^[\n ]+|[\n ]+$/g, '');
  if (name === 'BLOCKQUOTE') {
    const quoted = lines.split('\n').map((line) => (line.startsWith('>') ? `>${line}` : `> ${line}`.trimEnd()));
    return `\n${quoted.join('\n')}\n`;
  }
  if (name === 'LI') return `\n${marker(node)} ${lines}`;
  if (name === 'TD' || name === 'TH') return `${lines} `;
  if (name === 'A') return link(node as Element, inner);
  if (name === 'P') return `\n${lines}\n\n`;
  if (!BLOCKS.has(name)) return inner;
  return /^H\d$/.test(name) ? `\n${lines}\n\n` : `\n${inner.replace(/^\n|\n$/g, '')}\n`;
}

function marker(item: Node): string {
  const parent = item.parentNode;
  if (parent?.nodeName !== 'OL') return '-';
  const items = [...parent.childNodes].filter((child) => child.nodeName === 'LI');
  return `${items.indexOf(item as ChildNode) + 1}.`;
}

function link(anchor: Element, inner: string): string {
  const href = anchor.getAttribute('href') ?? '';
  const bare = href.replace(/^mailto:/i, '');
  if (href === '' || inner.trim() === '' || bare.includes(inner.trim())) return inner.trim() === '' ? bare : inner;
  return `${inner} <${href}>`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? sign);
}

/** Plain text as HTML of the same lines. */
export function textToHtml(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .split('\n')
    .map((line) => `<div>${line === '' ? '<br>' : escapeHtml(line)}</div>`)
    .join('');
}
