// ImapFlow against the server: node read.cjs PORT USER PASSWORD. It is found by NODE_PATH.
const assert = require('node:assert');
const { ImapFlow } = require('imapflow');

const [port, user, pass] = process.argv.slice(2);

async function main() {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: Number(port),
    secure: false,
    tls: { rejectUnauthorized: false },
    auth: { user, pass },
    logger: false,
  });
  await client.connect();
  assert(client.secureConnection, 'it takes STARTTLS by itself');

  const names = (await client.list()).map((box) => box.path).sort();
  assert.deepEqual(names, ['Archive', 'Drafts', 'INBOX', 'Junk', 'Sent', 'Trash']);
  await client.mailboxCreate(['Work', 'Entwürfe']);

  const lock = await client.getMailboxLock('INBOX');
  try {
    const date = new Date('2026-11-26T20:55:26Z');
    for (let number = 0; number < 10; number++) {
      const text = `Subject: number ${number}\r\nMessage-ID: <${number}@x.test>\r\n\r\nGrüße ${number}\r\n`;
      const appended = await client.append('INBOX', text, number % 2 ? ['\\Seen'] : ['$Work'], date);
      assert(appended.uid > 0);
    }
    const all = [];
    for await (const message of client.fetch('1:*', { uid: true, flags: true, envelope: true, internalDate: true, source: true })) {
      all.push(message);
    }
    assert.equal(all.length, 10);
    assert.equal(all[3].envelope.subject, 'number 3');
    assert.equal(all[3].internalDate.getTime(), date.getTime());
    assert(all[4].flags.has('$Work') && !all[4].flags.has('\\Seen'));
    assert(all[4].source.toString().endsWith('Grüße 4\r\n'));

    assert.deepEqual(await client.search({ unseen: true, subject: 'number' }), [1, 3, 5, 7, 9]);
    assert(await client.messageFlagsAdd('1:2', ['\\Flagged']));
    assert.deepEqual(await client.search({ flagged: true }), [1, 2]);
    const moved = await client.messageMove('1:3', 'Work/Entwürfe');
    assert.equal(moved.uidMap.size, 3);
    assert(await client.messageDelete('1'));
    assert.equal(client.mailbox.exists, 6);
    const { content } = await client.download('1', '1');
    const chunks = [];
    for await (const chunk of content) chunks.push(chunk);
    assert.equal(Buffer.concat(chunks).toString().trim(), 'Grüße 4');
  } finally {
    lock.release();
  }
  const status = await client.status('Work/Entwürfe', { messages: true, unseen: true });
  assert.deepEqual([status.messages, status.unseen], [3, 2]);
  assert((await client.mailboxRename('Work/Entwürfe', 'Work/Old')).newPath === 'Work/Old');
  await client.mailboxDelete('Work/Old');
  await client.logout();
  console.log('ok');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
