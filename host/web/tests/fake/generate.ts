/** An account with something to see, and as much behind it as is asked for. Its newest is of now. */
import type { EmailAddress } from '../../src/jmap/types';
import { type FakeEmail, Model } from './model';

const PEOPLE: EmailAddress[] = [
  ['Ada Lovelace', 'ada@analytical.test'],
  ['Charles Babbage', 'charles@analytical.test'],
  ['Siti Rahmawati', 'siti@nusantara.test'],
  ['Jürgen Weiß', 'juergen@beispiel.test'],
  ['Grace Hopper', 'grace@navy.test'],
  ['Budi Santoso', 'budi@nusantara.test'],
  ['Katherine Johnson', 'katherine@orbit.test'],
  ['Alan Turing', 'alan@bletchley.test'],
  ['The Garden Club', 'news@garden.test'],
  ['Mechanics Quarterly', 'editor@mechanics.test'],
].map(([name, email]) => ({ name: name ?? null, email: email ?? '' }));

const SUBJECTS = [
  'Notes on the engine',
  'Lunch on Thursday?',
  'Minutes of the meeting',
  'Rapat minggu depan',
  'Rückfrage zur Lieferung',
  'Trajectory tables, second draft',
  'Invoice 1842',
  'A question about the punched cards',
  'Spring planting list',
  'Photos from the harbour',
];

const SENTENCES = [
  'I have gone through the figures once more and they hold.',
  'Could you look at the third table before we print it?',
  'The weather kept us inside, which was good for the proofs.',
  'Terima kasih, dokumennya sudah saya terima.',
  'Der Termin passt mir gut, ich bringe die Unterlagen mit.',
  'Please find the list below; say so if anything is missing.',
  'We meet at the usual place, a little earlier than last time.',
  'There is no hurry, but I would like to know by the end of the week.',
];

export const ME: EmailAddress = { name: 'Alice Liddell', email: 'alice@waxwing.test' };
const NOW = Date.now();

export interface MessageParts extends Partial<Omit<FakeEmail, 'id'>> {
  minutesAgo?: number;
}

/** A message with what is given and something for the rest. */
export function message(model: Model, parts: MessageParts): FakeEmail {
  const id = model.id('M');
  const receivedAt = new Date(NOW - (parts.minutesAgo ?? 0) * 60_000).toISOString().replace(/\.\d+Z/, 'Z');
  const text = parts.text ?? SENTENCES.slice(0, 3).join(' ');
  return {
    id,
    threadId: model.id('T'),
    mailboxIds: { [model.mailboxWithRole('inbox')]: true },
    keywords: {},
    from: [PEOPLE[0] ?? ME],
    to: [ME],
    cc: null,
    bcc: null,
    replyTo: null,
    subject: 'Notes on the engine',
    receivedAt,
    sentAt: receivedAt,
    messageId: [`${id}@analytical.test`],
    inReplyTo: null,
    references: null,
    text,
    html: null,
    attachments: [],
    size: 900 + text.length,
    ...parts,
  };
}

const FOLDERS: [string, string | null, string | null][] = [
  ['Inbox', 'inbox', null],
  ['Drafts', 'drafts', null],
  ['Sent', 'sent', null],
  ['Archive', 'archive', null],
  ['Junk', 'junk', null],
  ['Trash', 'trash', null],
  ['Projects', null, null],
  ['Analytical engine', null, 'Projects'],
  ['Travel', null, null],
];

function folders(model: Model): void {
  const byName = new Map<string, string>();
  for (const [name, role, parent] of FOLDERS) {
    const id = model.id('X');
    byName.set(name, id);
    model.mailboxes.set(id, {
      id,
      name,
      role,
      parentId: parent === null ? null : (byName.get(parent) ?? null),
      sortOrder: 0,
    });
    model.counts.set(id, { total: 0, unread: 0 });
  }
}

/** `many` messages of the years before, one to three in a thread. */
function crowd(model: Model, many: number): void {
  let threadId = '';
  for (let index = many; index > 0; index--) {
    const person = PEOPLE[(index * 7) % PEOPLE.length] ?? ME;
    if (index % 3 !== 1 || threadId === '') threadId = model.id('T');
    model.add(
      message(model, {
        threadId,
        from: [person],
        subject: SUBJECTS[(index * 3) % SUBJECTS.length] ?? '',
        text: `${SENTENCES[index % SENTENCES.length]} ${SENTENCES[(index * 5) % SENTENCES.length]}`,
        minutesAgo: 60 * 24 + index * 17,
        keywords: index % 11 === 0 ? {} : index % 29 === 0 ? { $seen: true, $flagged: true } : { $seen: true },
      }),
      true,
    );
  }
}

/** A red square. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mPYYGWCFTEMLQkAD2xHgdzEUskAAAAASUVORK5CYII=',
  'base64',
);

const NEWSLETTER = `<html><head><style>body{background:#eef3ea}.card{background:#ffffff;border-radius:12px;padding:24px}
h1{color:#31572c}</style></head><body><table width="100%"><tr><td align="center"><div class="card" style="max-width:520px;text-align:left">
<img src="https://tracker.test/banner.png" width="480" height="120" alt="Garden in March">
<h1 style="font-size:22px">What to plant in March</h1><p>Broad beans go out now, and tomatoes in by the window.</p>
<p><img src="cid:seed" width="64" height="64" alt="Seeds"> A packet of seeds comes with each letter.</p>
<p><a href="https://garden.test/march">Read on</a></p><img src="https://tracker.test/pixel.gif" width="1" height="1">
</div></td></tr></table></body></html>`;

/** What one sees first: a conversation, a newsletter, attachments, drafts, junk. */
function foreground(model: Model): void {
  const [ada, charles, siti, juergen, grace] = PEOPLE;
  if (!ada || !charles || !siti || !juergen || !grace) return;
  const engine = { threadId: model.id('T'), subject: 'Notes on the engine' };
  const first = message(model, {
    ...engine,
    from: [charles],
    to: [ME, ada],
    minutesAgo: 420,
    keywords: { $seen: true },
    text: 'Dear both,\n\nthe mill is turning. I enclose the plans of the store; the carriage of tens is on the second sheet.\n\nYours\nCharles',
  });
  const plans = model.blob('application/pdf', Buffer.from('%PDF-1.4 fake'));
  first.attachments = [
    {
      blobId: plans,
      type: 'application/pdf',
      name: 'Plans of the store.pdf',
      disposition: 'attachment',
      cid: null,
      size: 482_113,
    },
  ];
  const second = message(model, {
    ...engine,
    from: [ada],
    to: [charles],
    cc: [ME],
    subject: 'Re: Notes on the engine',
    minutesAgo: 95,
    inReplyTo: first.messageId,
    references: first.messageId,
    html: '<p>Dear Charles,</p><p>I have <b>one question</b> about the <i>carriage of tens</i>: what becomes of a carry that meets a nine? See <a href="https://analytical.test/notes#g">note G</a>.</p><ul><li>the table has seven columns</li><li>the working variables are <code>V1</code> to <code>V24</code></li></ul><p>Ada</p><blockquote type="cite">the mill is turning. I enclose the plans of the store</blockquote>',
    text: 'Dear Charles,\n\nI have one question about the carriage of tens: what becomes of a carry that meets a nine?\n\nAda',
  });
  const third = message(model, {
    ...engine,
    from: [charles],
    to: [ada],
    cc: [ME],
    subject: 'Re: Notes on the engine',
    minutesAgo: 12,
    inReplyTo: second.messageId,
    references: [...first.messageId, ...second.messageId],
    text: 'A carry that meets a nine goes on at once: that is what the anticipating carriage is for.\nSee https://analytical.test/carriage (with a drawing).\n\n> what becomes of a carry that meets a nine?\n>> the mill is turning\n\nCharles',
    keywords: { work: true },
  });
  const seed = model.blob('image/png', PNG);
  const garden = message(model, {
    from: [PEOPLE[8] ?? ada],
    subject: 'What to plant in March',
    minutesAgo: 34,
    html: NEWSLETTER,
    text: 'Broad beans go out now.',
  });
  garden.attachments = [
    { blobId: seed, type: 'image/png', name: 'seed.png', disposition: 'inline', cid: 'seed', size: PNG.length },
  ];
  const others = [
    message(model, {
      from: [siti],
      subject: 'Rapat minggu depan',
      minutesAgo: 51,
      text: 'Selamat pagi Alice,\n\nrapat kita geser ke hari Rabu pukul sepuluh. Apakah bisa?\n\nSalam,\nSiti',
    }),
    message(model, {
      from: [juergen],
      subject: 'Rückfrage zur Lieferung',
      minutesAgo: 180,
      keywords: { $seen: true, $answered: true },
      text: 'Guten Tag,\n\ndie Lieferung kommt am Montag. Passt Ihnen der Vormittag?\n\nViele Grüße\nJürgen Weiß',
    }),
    message(model, {
      from: [grace],
      subject: 'A moth in the relay',
      minutesAgo: 700,
      keywords: { $seen: true, $flagged: true },
      text: 'First actual case of a bug being found. I taped it into the log book.',
    }),
    message(model, {
      from: [{ name: 'Prize Office', email: 'prize@lottery.test' }],
      mailboxIds: { [model.mailboxWithRole('junk')]: true },
      subject: 'You have won',
      minutesAgo: 300,
      text: 'Send us your account number.',
    }),
    message(model, {
      from: [ME],
      to: [grace],
      mailboxIds: { [model.mailboxWithRole('sent')]: true },
      keywords: { $seen: true },
      subject: 'The log book',
      minutesAgo: 800,
      text: 'May I see it?',
    }),
    message(model, {
      from: [ME],
      to: [siti],
      mailboxIds: { [model.mailboxWithRole('drafts')]: true },
      keywords: { $seen: true, $draft: true },
      subject: 'Rabu',
      minutesAgo: 20,
      text: 'Rabu bisa, tetapi',
    }),
  ];
  for (const email of [first, second, third, garden, ...others]) model.add(email, true);
}

export function generate(many: number): Model {
  const model = new Model();
  folders(model);
  model.identities.set('I1', {
    id: 'I1',
    name: ME.name,
    email: ME.email,
    replyTo: null,
    bcc: null,
    textSignature: 'Alice\nWonderland Lane 1',
    htmlSignature: '',
    mayDelete: false,
  });
  model.identities.set('I2', {
    id: 'I2',
    name: 'Alice (Rabbit hole)',
    email: 'rabbit@waxwing.test',
    replyTo: null,
    bcc: null,
    textSignature: '',
    htmlSignature: '',
    mayDelete: true,
  });
  crowd(model, many);
  foreground(model);
  return model;
}
