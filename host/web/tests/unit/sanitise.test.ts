import { JSDOM } from 'jsdom';
import { expect, test } from 'vitest';
import { Sanitiser } from '../../src/mail/sanitise';
import { HOSTILE } from '../hostile';

const { window } = new JSDOM('');
const sanitiser = new Sanitiser(window);
const body = (html: string, remote = false) => sanitiser.display(html, { remote }).body;

const RISKY =
  'script, style, iframe, object, embed, form, input, button, select, textarea, link, meta, base, svg, math, video, audio, template, dialog, details, img[srcset]';

function complaints(root: Element): string[] {
  const found = [...root.querySelectorAll(RISKY)].map((element) => element.outerHTML);
  for (const element of [root, ...root.querySelectorAll('*')]) {
    for (const { name, value } of element.attributes) {
      if (/^on|^xlink|^data-|^form|^ping$/i.test(name)) found.push(`${name}=${value}`);
      if (/^\W*(?:java|vb)script:|^\s*data:(?!image\/)/i.test(value)) found.push(`${name}=${value}`);
      if (/url\s*\(|image-set|@import|expression/i.test(value) && name === 'style') found.push(`${name}=${value}`);
      if (/^(?:src|background|poster|srcset)$/.test(name)) found.push(`${name}=${value}`);
    }
  }
  return found;
}

test.each(HOSTILE.map((html) => [html.slice(0, 90), html]))('%s', (_, html) => {
  const mail = sanitiser.display(html, { remote: false });
  expect(complaints(mail.body)).toEqual([]);
  for (const css of mail.styles) expect(css).not.toMatch(/url\s*\(|@import|@font-face|image-set|<\/|\\/i);
});

test.each(HOSTILE.map((html) => [html.slice(0, 90), html]))('in the editor: %s', (_, html) => {
  const box = window.document.createElement('div');
  box.append(sanitiser.editable(html));
  expect(complaints(box)).toEqual([]);
  expect(box.querySelectorAll('img, [style], [id], [name]').length).toBe(0);
});

test('what is harmless stays', () => {
  const html =
    '<p style="color: red">a <b>b</b></p><table width="100%" bgcolor="#fff"><tr><td align="center">c</td></tr></table>';
  const shown = body(html);
  expect(shown.querySelector('p')?.getAttribute('style')).toContain('color: red');
  expect(shown.querySelector('table')?.getAttribute('width')).toBe('100%');
  expect(shown.querySelector('td')?.getAttribute('align')).toBe('center');
  expect(sanitiser.display(html, { remote: false }).hasColours).toBe(true);
  expect(sanitiser.display('<p><b>x</b></p>', { remote: false }).hasColours).toBe(false);
});

test('links open elsewhere and tell nothing; those within the mail stay in it', () => {
  const link = body('<a href="https://a.test" target=_self>x</a>').querySelector('a');
  expect(link?.getAttribute('target')).toBe('_blank');
  expect(link?.getAttribute('rel')).toBe('noopener noreferrer nofollow');
  expect(body('<a href="#x">x</a>').querySelector('a')?.hasAttribute('target')).toBe(false);
});

test('images from elsewhere are counted and kept away, and are there when asked for', () => {
  const html =
    '<img src="https://a.test/1.png" width="5"><img src="//a.test/2.png"><td background="http://a.test/3"><p style="background:url(https://a.test/4)">';
  const hidden = sanitiser.display(html, { remote: false });
  expect(hidden.blocked).toBeGreaterThanOrEqual(3);
  expect(hidden.body.innerHTML).not.toContain('a.test');
  const shown = [...body(html, true).querySelectorAll('img')].map((image) => image.getAttribute('src'));
  expect(shown).toEqual(['https://a.test/1.png', 'https://a.test/2.png']);
  expect(body(html, true).querySelector('img')?.getAttribute('referrerpolicy')).toBe('no-referrer');
});

test('parts of the message are named by Content-ID', () => {
  const inline = (cid: string) => (cid === 'a@b' ? 'blob:https://here/1' : null);
  const mail = sanitiser.display('<img src="cid:a%40b"><img src="cid:other">', { remote: false, inline });
  expect(mail.cids).toEqual(['a@b', 'other']);
  expect([...mail.body.querySelectorAll('img')].map((image) => image.getAttribute('src'))).toEqual([
    'blob:https://here/1',
    null,
  ]);
});

test('a mail made to be slow is not', () => {
  const begin = performance.now();
  sanitiser.display(`<style>${'a{background:url(//x) '.repeat(20_000)}</style>`, { remote: true });
  sanitiser.display(`<p style="${'url(('.repeat(20_000)}">`, { remote: true });
  expect(performance.now() - begin).toBeLessThan(5_000);
});
