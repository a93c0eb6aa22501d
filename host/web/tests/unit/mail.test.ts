import { JSDOM } from 'jsdom';
import { describe, expect, test } from 'vitest';
import type { EmailSummary, Identity } from '../../src/jmap/types';
import { formatAddress, initials, isAddress, parseAddresses, shortName } from '../../src/mail/addresses';
import { draftObject, promisesAttachment, recipientsOf } from '../../src/mail/draft';
import { parseMailto } from '../../src/mail/mailto';
import {
  type FullEmail,
  forwardSubject,
  identityFor,
  quoteText,
  replyRecipients,
  replySubject,
  threading,
} from '../../src/mail/reply';
import { parseSearch } from '../../src/mail/search';
import { snippetSpans } from '../../src/mail/snippet';
import { htmlToText, linkify, paragraphs } from '../../src/mail/text';
import { applyPatch, inverse, keywordPath, mailboxPath } from '../../src/state/patch';

const at = (email: string, name: string | null = null) => ({ name, email });

describe('addresses', () => {
  test('are read as they are typed and pasted', () => {
    expect(parseAddresses('ada@a.test, "Doe, Jo" <jo@b.test>; Bob <bob@c.test>\nx@y.test')).toEqual([
      at('ada@a.test'),
      at('jo@b.test', 'Doe, Jo'),
      at('bob@c.test', 'Bob'),
      at('x@y.test'),
    ]);
    expect(parseAddresses(' , ;')).toEqual([]);
  });

  test('are written so that they are read again', () => {
    for (const address of [
      at('a@b.test'),
      at('a@b.test', 'Ada'),
      at('a@b.test', 'Doe, "Jo"'),
      at('ü@b.test', 'Jürgen Weiß'),
    ]) {
      expect(parseAddresses(formatAddress(address))[0]?.email).toBe(address.email);
    }
  });

  test('are told from what is none', () => {
    expect(['a@b', 'a@b.test', 'ä@ö.test', 'a+b@c.d.test'].every(isAddress)).toBe(true);
    expect(['', 'a', '@b', 'a@', 'a b@c.test', 'a@b.', 'a@b..c', '<a@b>'].some(isAddress)).toBe(false);
  });

  test('have initials and short names', () => {
    expect(initials(at('ada@a.test', 'Ada Lovelace'))).toBe('AL');
    expect(initials(at('ada@a.test'))).toBe('A');
    expect(initials(undefined)).toBe('?');
    expect(shortName(at('a@b.test', 'Lovelace, Ada'))).toBe('Ada');
    expect(shortName(at('ada@a.test'))).toBe('ada');
    expect(shortName(at('a@b.test', 'The Garden Club'))).toBe('The Garden Club');
  });
});

const email = (parts: Partial<FullEmail>): FullEmail =>
  ({
    ...{ id: 'M', from: [at('ada@a.test')], to: [at('me@w.test')], cc: null, bcc: null, replyTo: null, subject: 's' },
    ...{ messageId: ['1@a'], inReplyTo: null, references: null },
    ...parts,
  }) as FullEmail;
const own = [at('me@w.test'), at('ALSO@w.test')];

describe('answers', () => {
  test('go to whom it is from, or where they ask for them', () => {
    expect(replyRecipients(email({}), own, false)).toEqual({ to: [at('ada@a.test')], cc: [] });
    expect(replyRecipients(email({ replyTo: [at('list@a.test')] }), own, false).to).toEqual([at('list@a.test')]);
  });

  test('to all leave oneself out, and nobody twice', () => {
    const many = email({
      to: [at('me@w.test'), at('bob@b.test')],
      cc: [at('also@w.test'), at('BOB@b.test'), at('ada@a.test')],
    });
    expect(replyRecipients(many, own, true)).toEqual({ to: [at('ada@a.test')], cc: [at('bob@b.test')] });
  });

  test('to what one wrote oneself go where that went', () => {
    const sent = email({ from: [at('me@w.test')], to: [at('bob@b.test')], cc: [at('ada@a.test')] });
    expect(replyRecipients(sent, own, true)).toEqual({ to: [at('bob@b.test')], cc: [at('ada@a.test')] });
  });

  test('have one prefix, whatever was there', () => {
    expect(replySubject('AW: Re[2]: RE: Lunch')).toBe('Re: Lunch');
    expect(forwardSubject('WG: Fwd: Lunch')).toBe('Fwd: Lunch');
    expect(replySubject(null)).toBe('Re:');
    expect(replySubject('Regarding lunch')).toBe('Re: Regarding lunch');
  });

  test('name what they answer', () => {
    expect(threading(email({ references: ['0@a'] }))).toEqual({ inReplyTo: ['1@a'], references: ['0@a', '1@a'] });
    expect(threading(email({ inReplyTo: ['0@a'] }))).toEqual({ inReplyTo: ['1@a'], references: ['0@a', '1@a'] });
    expect(threading(email({ messageId: null }))).toEqual({ inReplyTo: null, references: null });
  });

  test('are from whom it was to', () => {
    const identities = [
      { id: 'a', email: 'other@w.test' },
      { id: 'b', email: 'Me@w.test' },
    ] as Identity[];
    expect(identityFor(email({}), identities)?.id).toBe('b');
    expect(quoteText('Ada wrote:', 'a\n> b\n\n')).toBe('\n\nAda wrote:\n> a\n>> b\n');
  });
});

describe('drafts', () => {
  const draft = {
    ...{
      to: [at('a@b.test')],
      cc: [],
      bcc: [at('A@B.test'), at('c@d.test')],
      subject: 'x',
      html: '<b>x</b>',
      text: 'x',
    },
    attachments: [{ blobId: 'B', name: 'n', type: 't/t', size: 1, cid: null }],
    ...{ inReplyTo: null, references: [] },
  };

  test('hold both texts, what is attached, and nothing that is empty', () => {
    const object = draftObject(draft, { name: 'Me', email: 'me@w.test' } as Identity, 'D');
    expect(object).toMatchObject({
      ...{ mailboxIds: { D: true }, keywords: { $draft: true, $seen: true }, from: [at('me@w.test', 'Me')] },
      ...{ textBody: [{ partId: 'text', type: 'text/plain' }], htmlBody: [{ partId: 'html', type: 'text/html' }] },
      attachments: [{ blobId: 'B', type: 't/t', name: 'n', disposition: 'attachment' }],
    });
    expect(Object.keys(object)).not.toContain('cc');
    expect(Object.keys(object)).not.toContain('references');
    expect(draftObject({ ...draft, html: null }, undefined, 'D')).not.toHaveProperty('htmlBody');
  });

  test('go to each once', () => {
    expect(recipientsOf(draft).map((one) => one.email)).toEqual(['a@b.test', 'c@d.test']);
  });

  test('that speak of attachments, in what is their own', () => {
    expect(['See attached.', 'Anbei die Liste', 'Terlampir dokumennya'].every(promisesAttachment)).toBe(true);
    expect(['> see attached', 'I am fond of you'].some(promisesAttachment)).toBe(false);
  });
});

describe('search', () => {
  const scope = { mailbox: (name: string) => (name === 'archive' ? 'X4' : null), exclude: [] };
  const parse = (query: string) => parseSearch(query, scope);

  test('words are all to be there', () => {
    expect(parse('carry nine')).toEqual({ operator: 'AND', conditions: [{ text: 'carry' }, { text: 'nine' }] });
    expect(parse('"carry nine"')).toEqual({ text: 'carry nine' });
    expect(parse('   ')).toBe(null);
  });

  test('operators', () => {
    expect(parse('from:ada')).toEqual({ from: 'ada' });
    expect(parse('subject:"the engine"')).toEqual({ subject: 'the engine' });
    expect(parse('is:unread')).toEqual({ notKeyword: '$seen' });
    expect(parse('has:attachment')).toEqual({ hasAttachment: true });
    expect(parse('in:archive')).toEqual({ inMailbox: 'X4' });
    expect(parse('-draft')).toEqual({ operator: 'NOT', conditions: [{ text: 'draft' }] });
    expect(parse('label:Work')).toEqual({ hasKeyword: 'work' });
    expect(parse('before:2026-01-31')).toMatchObject({ before: expect.stringMatching(/^2026-01-3\dT\d\d:00:00Z$/) });
  });

  test('what is no operator is a word', () => {
    expect(parse('https://a.test')).toEqual({ text: 'https://a.test' });
    expect(parse('is:strange')).toEqual({ text: 'is:strange' });
    expect(parse('from:')).toEqual({ text: 'from:' });
    expect(parse('before:soon')).toEqual({ text: 'before:soon' });
  });

  test('the trash is searched when it is asked for', () => {
    const exclude = ['T', 'J'];
    expect(parseSearch('x', { ...scope, exclude })).toMatchObject({
      conditions: [{ text: 'x' }, { inMailboxOtherThan: exclude }],
    });
    expect(parseSearch('in:archive', { ...scope, exclude })).toEqual({ inMailbox: 'X4' });
  });
});

describe('texts', () => {
  test('links are found, and end where they end', () => {
    const links = (text: string) => linkify(text).flatMap((span) => ('href' in span ? [span.href] : []));
    expect(links('See https://a.test/x. Or (www.b.test), a@b.test!')).toEqual([
      'https://a.test/x',
      'https://www.b.test',
      'mailto:a@b.test',
    ]);
    expect(links('https://en.test/Engine_(1842) x')).toEqual(['https://en.test/Engine_(1842)']);
    expect(links('javascript:alert(1) data:text/html,x')).toEqual([]);
    expect(linkify('a https://b.test c').map(({ text }) => text)).toEqual(['a ', 'https://b.test', ' c']);
  });

  test('quotes are told by their depth', () => {
    expect(paragraphs('a\r\n> b\n> c\n>> d\n> > e\nf')).toEqual([
      { depth: 0, text: 'a' },
      { depth: 1, text: 'b\nc' },
      { depth: 2, text: 'd\ne' },
      { depth: 0, text: 'f' },
    ]);
  });

  test('snippets are text and marks, and nothing else', () => {
    expect(snippetSpans('a &lt;b&gt; <mark>c &amp; d</mark><img onerror=x>')).toEqual([
      { text: 'a <b> ', marked: false },
      { text: 'c & d', marked: true },
      { text: '<img onerror=x>', marked: false },
    ]);
  });

  const plain = (html: string) => htmlToText(new JSDOM(html).window.document.body);

  test('HTML is read as a person would', () => {
    expect(plain('<div>a</div><div>b<br>c</div><div><br></div><div>d</div>')).toBe('a\nb\nc\n\nd');
    expect(plain('<p>a</p><p>b</p>')).toBe('a\n\nb');
    expect(plain('<ul><li>a</li><li>b</li></ul><ol><li>c</li><li>d</li></ol>')).toBe('- a\n- b\n1. c\n2. d');
    expect(plain('x<blockquote>a<div>b</div></blockquote>')).toBe('x\n> a\n> b');
    expect(plain('<a href="https://a.test">there</a> <a href="https://b.test/">https://b.test/</a>')).toBe(
      'there <https://a.test> https://b.test/',
    );
    expect(plain('<div>x</div><div>-- <br>me</div>')).toBe('x\n-- \nme');
    expect(plain('a\u200bb&nbsp;c<style>x{}</style><script>y</script>')).toBe('ab c');
  });
});

test('links to addresses say what they may say, and no more', () => {
  const href =
    'mailto:ada@a.test,bob@b.test?subject=On%20the%20engine&cc=c@c.test&body=a%0D%0Ab&bcc=d+x@d.test&attach=/etc/passwd';
  expect(parseMailto(href)).toEqual({
    ...{ to: [at('ada@a.test'), at('bob@b.test')], cc: [at('c@c.test')], bcc: [at('d+x@d.test')] },
    ...{ subject: 'On the engine', body: 'a\nb' },
  });
  expect(parseMailto('mailto:%E0%A4%A')?.to).toEqual([at('%E0%A4%A')]);
  expect(parseMailto('mailto:a@b.test?subject=a%0D%0ABcc:%20x@y.test')?.subject).toBe('a Bcc: x@y.test');
  expect(parseMailto('https://a.test')).toBe(null);
});

describe('patches', () => {
  const summary = {
    id: 'M',
    keywords: { $seen: true, 'a/b~c': true },
    mailboxIds: { X: true },
  } as unknown as EmailSummary;

  test('are applied and taken back', () => {
    const patch = {
      [keywordPath('$flagged')]: true,
      [keywordPath('a/b~c')]: null,
      [mailboxPath('X')]: null,
      [mailboxPath('Y')]: true,
    };
    const changed = applyPatch(summary, patch);
    expect(changed).toMatchObject({ keywords: { $seen: true, $flagged: true }, mailboxIds: { Y: true } });
    expect(Object.keys(changed.keywords)).toEqual(['$seen', '$flagged']);
    expect(applyPatch(changed, inverse(summary, patch))).toEqual(summary);
  });

  test('name what they are of as pointers do', () => {
    expect(keywordPath('a/b~c')).toBe('keywords/a~1b~0c');
  });
});
