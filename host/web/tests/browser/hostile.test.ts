/** Mail that wants more than to be read: nothing of it runs, loads, or leaves its frame. */
import type { Frame, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { message } from '../fake/generate';
import { HOSTILE } from '../hostile';
import { login, picture, startBrowser, stopBrowser, visit } from './browser';

beforeAll(startBrowser);
afterAll(stopBrowser);

/** The sandbox and the policy say so of what the sanitiser meets and takes away; the test's network refuses images. */
const EXPECTED =
  /^Blocked script execution in '[^']*\/mail\/frame\/plain.html'|ERR_FAILED|^Setting the document's base URI/;

/** What an attack would have left behind if it had worked. */
async function traces(frame: Frame): Promise<string[]> {
  return frame.evaluate(() => {
    const left: string[] = [];
    if ('pwned' in window) left.push('a script ran in the frame');
    const risky =
      'script, iframe, object, embed, form, input, button, link, meta:not([name]), base, svg, math, video, audio';
    for (const element of document.body.querySelectorAll(risky)) left.push(element.outerHTML);
    for (const element of document.querySelectorAll('body, body *')) {
      for (const { name, value } of element.attributes) {
        if (/^on/i.test(name) || /(?:java|vb)script:/i.test(value.replace(/\s/g, ''))) left.push(`${name}=${value}`);
      }
    }
    return left;
  });
}

/** Waits until the mail is in its frame: then the document has its title. */
async function filled(page: Page, subject: string, document: string, what: string): Promise<void> {
  const titles = async () => {
    const frames = page.frames().filter((frame) => frame.url().endsWith(`/mail/frame/${document}.html`));
    return Promise.all(frames.map((frame) => frame.title()));
  };
  await expect.poll(titles, { message: what, timeout: 5_000 }).toContain(subject);
}

test.each([false, true])('hostile mail, with images from elsewhere %s', async (remote) => {
  const visiting = await visit({ messages: 20 });
  const { page, server, context, kinds, complaints } = visiting;
  const vectors = remote ? HOSTILE.filter((html) => /evil\.test/.test(html)) : HOSTILE;
  const windows: string[] = [];
  context.on('page', (opened) => windows.push(opened.url()));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  const model = server.model;
  for (const [index, html] of vectors.entries()) {
    model.add(message(model, { subject: `Hostile ${index} end`, html, text: '', minutesAgo: -1 - index }), true);
  }
  try {
    await login(visiting);
    const found: string[] = [];
    for (const index of vectors.keys()) {
      const subject = `Hostile ${index} end`;
      // By the address, since the list is longer than the window.
      const email = [...model.emails.values()].find((one) => one.subject === subject);
      const inbox = model.mailboxWithRole('inbox');
      await page.evaluate(
        ([box, thread]) => void (location.hash = `#/box/${box}/${thread}`),
        [inbox, email?.threadId ?? ''],
      );
      await page.getByRole('heading', { name: subject }).waitFor();
      await filled(page, subject, 'plain', `${index}: ${vectors[index]}`);
      const show = page.getByRole('button', { name: 'Show images' });
      if (remote && (await show.isVisible())) {
        await show.click();
        await filled(page, subject, 'remote', `${index}: ${vectors[index]}`);
      }
      const frame = await (await page.locator('.mail-frame').elementHandle())?.contentFrame();
      if (!frame) throw new Error(`no frame for ${index}`);
      // Where there is something to press, a person would press it: it must not run.
      for (const left of await traces(frame)) found.push(`${index}: ${left}`);
    }
    await picture(page, `hostile-${remote}`);
    expect(found).toEqual([]);
    expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
    expect(new URL(page.url()).pathname).toBe('/mail');
    expect(windows).toEqual([]);
    // Images, once they are asked for, and nothing else.
    expect([...kinds]).toEqual(remote ? ['image'] : []);
    expect(complaints.filter((text) => !EXPECTED.test(text))).toEqual([]);
  } finally {
    await visiting.end();
  }
});

test('the frame cannot touch the page, nor run what is put into it', async () => {
  const visiting = await visit({ messages: 20 });
  const { page, complaints } = visiting;
  try {
    await login(visiting);
    await page.locator('.row-link', { hasText: 'What to plant in March' }).click();
    await page.frameLocator('.mail-frame').getByText('Broad beans').waitFor();
    // As if the sanitiser had let everything through.
    await page.evaluate(() => {
      const doc = document.querySelector<HTMLIFrameElement>('.mail-frame')?.contentDocument;
      const box = doc?.createElement('div');
      if (!doc || !box) return;
      box.innerHTML = `<img src=x onerror="parent.pwned=1"><a id=go href="javascript:parent.pwned=1">x</a>
        <iframe srcdoc="<script>parent.parent.pwned=1</script>"></iframe><img src="https://evil.test/a.png">
        <form action="https://evil.test/"><button id=send>x</button></form>`;
      const script = doc.createElement('script');
      script.textContent = 'parent.pwned=1';
      doc.body.append(box, script);
      doc.getElementById('go')?.click();
      doc.getElementById('send')?.click();
    });
    await expect.poll(() => complaints.length).toBeGreaterThan(0);
    expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
    expect(visiting.foreign).toEqual([]);
  } finally {
    await visiting.end();
  }
});
