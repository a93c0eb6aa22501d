/** Style sheets of strangers without what they would load. What this overlooks, the frame's policy refuses. */

export interface CleanCss {
  css: string;
  blocked: number;
}

/** A comment or an escape could hide a name from the expressions below. */
function plain(css: string): string {
  return css.replace(/\/\*[\s\S]*?(?:\*\/|$)/g, '').replace(/\\/g, '');
}

const LOADS =
  /(?:url|src|image|image-set|-webkit-image-set|cross-fade|element|paint)\s*\((?:[^()"']|"[^"]*"|'[^']*'|\([^()]*\))*\)?/gi;
const INLINE_DATA = /^url\s*\(\s*["']?data:image\/(?:png|jpe?g|gif|webp)[;,]/i;
const REMOTE = /^url\s*\(\s*["']?(?:https?:)?\/\//i;

/** Only pictures may come from elsewhere; masks, filters and cursors are documents or worse. */
const PICTURES = /^\s*(?:background(?:-image)?|list-style(?:-image)?|border-image(?:-source)?)\s*:/i;

/** A search for where a declaration begins ends here, so that a mail made of one declaration costs no more. */
const LONGEST_DECLARATION = 2_000;

/** Whether the declaration that stands there is of a picture. */
function isPicture(css: string, at: number): boolean {
  const before = css.slice(Math.max(at - LONGEST_DECLARATION, 0), at);
  return PICTURES.test(before.slice(Math.max(before.lastIndexOf(';'), before.lastIndexOf('{')) + 1));
}

/** The declarations of one style attribute. */
export function cleanStyle(css: string, remote: boolean): CleanCss {
  let blocked = 0;
  const cleaned = plain(css)
    .replace(LOADS, (found, at: number, whole: string) => {
      if (INLINE_DATA.test(found) || (remote && REMOTE.test(found) && isPicture(whole, at))) return found;
      if (REMOTE.test(found)) blocked++;
      return 'none';
    })
    .replace(/expression\s*\(|-moz-binding|behavior\s*:|javascript:|vbscript:/gi, 'none');
  return { css: cleaned, blocked };
}

/** A whole style sheet: no imports, no fonts, and nothing that ends the element it stands in. */
export function cleanStyleSheet(css: string, remote: boolean): CleanCss {
  const bare = plain(css)
    .replace(/<[/!]?[a-z-]*/gi, '')
    .replace(/@(?:import|charset|namespace)[^;{}]*(?:;|$)/gi, '')
    .replace(/@font-face\s*\{[^}]*\}?/gi, '');
  return cleanStyle(bare, remote);
}
