// What Thunderbird is told to do, from within: steps that a person takes with the mouse. Each ends when what it asked for has come.

const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");

/** Waits until Thunderbird has finished a task that takes a listener. */
function finished(start) {
  return new Promise((resolve, reject) => {
    const end = status => (Components.isSuccessCode(status) ? resolve() : reject(new Error(`it ended with ${status.toString(16)}`)));
    start({
      QueryInterface: ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener"]),
      OnStartRunningUrl() {},
      OnStopRunningUrl: (_url, status) => end(status),
      onStartCopy() {},
      onProgress() {},
      setMessageKey() {},
      getMessageId: () => null,
      onStopCopy: end,
    });
  });
}

/** Waits until something holds. The caller bounds the time. */
async function until(holds) {
  while (!holds()) {
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

const root = () => MailServices.accounts.accounts[0].incomingServer.rootFolder;
const folder = path => path.split("/").reduce((at, name) => at.getChildNamed(name), root());
const inbox = () => root().getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
const update = at => finished(listener => at.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, listener));
const found = (at, subject) => [...at.messages].find(message => message.mime2DecodedSubject === subject);

const steps = {
  async account(user, password, port) {
    const server = MailServices.accounts.createIncomingServer(user, "127.0.0.1", "imap");
    server.port = port;
    server.password = password;
    server.socketType = Ci.nsMsgSocketType.plain;
    server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
    const account = MailServices.accounts.createAccount();
    account.incomingServer = server;
    const identity = MailServices.accounts.createIdentity();
    identity.email = user;
    account.addIdentity(identity);
    server.performExpand(null);
    await until(() => inbox() && root().getFolderWithFlags(Ci.nsMsgFolderFlags.Trash));
    return root().descendants.map(it => it.name).sort();
  },

  async folders() {
    const kinds = ["Archive", "Drafts", "Inbox", "Junk", "SentMail", "Trash"];
    return kinds.map(kind => root().getFolderWithFlags(Ci.nsMsgFolderFlags[kind])?.name ?? null);
  },

  /** Opens the inbox and keeps all of it on this machine. */
  async download() {
    inbox().setFlag(Ci.nsMsgFolderFlags.Offline);
    await update(inbox());
    inbox().downloadMessagesForOffline([...inbox().messages], null);
    const kept = message => message.flags & Ci.nsMsgMessageFlags.Offline;
    await until(() => [...inbox().messages].every(kept));
    return inbox().getTotalMessages(false);
  },

  async update() {
    await update(inbox());
    return [inbox().getTotalMessages(false), inbox().getNumUnread(false)];
  },

  /** Reads, stars, tags. */
  async mark(subject) {
    const message = found(inbox(), subject);
    inbox().markMessagesRead([message], true);
    inbox().markMessagesFlagged([message], true);
    inbox().addKeywordsToMessages([message], "$label1");
    await update(inbox());
  },

  async move(subject, kind) {
    const to = root().getFolderWithFlags(Ci.nsMsgFolderFlags[kind]);
    await finished(listener => MailServices.copy.copyMessages(inbox(), [found(inbox(), subject)], to, true, listener, null, false));
  },

  async copy(subject, path) {
    MailServices.copy.copyMessages(inbox(), [found(inbox(), subject)], folder(path), false, null, null, false);
    // It tells the end of a copy before it has looked into the folder, or never.
    await until(() => found(folder(path), subject));
    return folder(path).getTotalMessages(false);
  },

  async remove(subject) {
    await finished(listener => inbox().deleteMessages([found(inbox(), subject)], null, false, true, listener, false));
  },

  async create(name) {
    root().createSubfolder(name, null);
    await until(() => root().containsChildNamed(name) && folder(name).server);
    await update(folder(name));
  },

  /** Waits for what another program has put into the inbox. */
  async notice(subject) {
    await until(() => found(inbox(), subject));
  },

  /** Waits for what another program has marked. */
  async noticeFlag(subject) {
    await until(() => found(inbox(), subject).isFlagged);
  },
};

const [name, ...rest] = arguments;
const done = rest.pop();
steps[name](...rest).then(
  answer => done({ answer: answer ?? null }),
  error => done({ error: `${error}\n${error.stack}` })
);
