/**
 * The document that HTML mail is shown in. It is a page of its own from the server, since a document made by script
 * (srcdoc, blob:) would be under the policy of the app, which allows no inline style and no image from elsewhere.
 * Its sandbox runs no script; `allow-same-origin` without `allow-scripts` lets us fill and measure it, and it nothing.
 */
import type { Sanitised } from './sanitise';

export const SANDBOX = 'allow-same-origin allow-popups allow-popups-to-escape-sandbox';

export function frameUrl(remote: boolean): string {
  return `${import.meta.env.BASE_URL}frame/${remote ? 'remote' : 'plain'}.html`;
}

export interface FrameLook {
  ink: string;
  paper: string;
  link: string;
  dark: boolean;
}

function baseCss(look: FrameLook, hasColours: boolean): string {
  const own = hasColours
    ? 'html{background:#fff;color:#1f1f1f;color-scheme:light}'
    : `html{background:${look.paper};color:${look.ink};color-scheme:${look.dark ? 'dark' : 'light'}}a{color:${look.link}}`;
  return `${own}
html,body{margin:0;padding:0;height:auto!important;min-height:0!important}
html{overflow-x:auto;overflow-y:hidden}
body{padding:${hasColours ? '12px' : '2px 0'};font:15px/1.55 system-ui,sans-serif;overflow-wrap:break-word}
body>:first-child{margin-top:0}body>:last-child{margin-bottom:0}
img{max-width:100%;height:auto}
img:not([src]){display:inline-block;box-sizing:border-box;padding:2px 6px;border-radius:4px;overflow:hidden;
background:color-mix(in srgb,currentColor 7%,transparent);color:color-mix(in srgb,currentColor 70%,transparent);font-size:12px}
@media(max-width:600px){img:not([src]){width:auto!important;height:auto!important;max-width:100%}}
img:not([src])[width="1"],img:not([src])[height="1"]{display:none}
pre{white-space:pre-wrap}
blockquote{margin:.6em 0 .6em .2em;padding-left:.9em;border-left:2px solid color-mix(in srgb,currentColor 25%,transparent)}
table{max-width:100%}`;
}

/** Puts the mail into the frame's document, which has loaded. */
export function fillFrame(doc: Document, mail: Sanitised, look: FrameLook, title: string): void {
  doc.title = title;
  doc.documentElement.lang = document.documentElement.lang;
  for (const css of [baseCss(look, mail.hasColours), ...mail.styles]) {
    const style = doc.createElement('style');
    style.textContent = css;
    doc.head.append(style);
  }
  const body = doc.body;
  for (const name of ['style', 'bgcolor', 'dir', 'class', 'text', 'link']) {
    const value = mail.body.getAttribute(name);
    if (value !== null) body.setAttribute(name, value);
  }
  body.replaceChildren(...[...mail.body.childNodes].map((node) => doc.adoptNode(node)));
}
