// What the links of a message say of it. Knows nothing of the host but the message it is handed (plugin-sdk/wit/message.wit), so that
// tests run it in Node with a message of their own.

const DEFAULTS = {
  shorteners: ["bit.ly", "goo.gl", "is.gd", "ow.ly", "t.co", "tinyurl.com"],
  urgent: ["verify your", "confirm your", "your account has been", "will be suspended", "unusual activity", "within 24 hours"],
  "most-hosts": 15,
};

/** Links that are looked at. */
const MOST_LINKS = 200;
/** Octets of text that are looked at. */
const MOST_TEXT = 16 * 1024;

/** The settings from their JSON, with defaults for what is left out; throws a sentence about what is wrong. */
export function readSettings(text) {
  const given = JSON.parse(text || "{}") ?? {};
  for (const [name, value] of Object.entries(given)) {
    const wanted = DEFAULTS[name];
    if (wanted === undefined) {
      throw `${name}: unknown; there are ${Object.keys(DEFAULTS).join(", ")}`;
    }
    const fits = Array.isArray(wanted)
      ? Array.isArray(value) && value.every((item) => typeof item === "string")
      : Number.isInteger(value) && value > 0;
    if (!fits) {
      throw `${name}: ${Array.isArray(wanted) ? "a list of texts" : "a number above 0"} is expected`;
    }
  }
  return { ...DEFAULTS, ...given };
}

/** The findings of a message: name, weight, evidence. */
export function judge(message, settings) {
  const authors = message.fromAddresses().map(domainOf);
  const findings = [];
  const found = (name, weight, evidence) => {
    if (evidence.length > 0) findings.push({ name, weight, evidence: [...new Set(evidence)].slice(0, 5) });
  };

  const answers = domainsIn(message.first("Reply-To") ?? "");
  found("REPLY_ELSEWHERE", 0.5, answers.filter((domain) => !authors.some((author) => related(author, domain))));

  const links = message.urls(MOST_LINKS).filter(({ scheme, host }) => /^https?$/.test(scheme) && host !== "");
  // The address that a link shows is found as a link in the text, too, but leads nowhere.
  const shown = new Set(links.map(({ anchor }) => anchor?.trim()));
  const hosts = [...new Set(links.filter(({ text }) => !shown.has(text)).map(({ host }) => host))];
  found("LINK_DISGUISED", 3, links.filter(disguised).map(({ host, anchor }) => `${anchor} leads to ${host}`));
  found("LINK_TO_ADDRESS", 2, hosts.filter(isAddress));
  found("LINK_SHORTENED", 0.5, hosts.filter((host) => settings.shorteners.includes(host)));
  if (hosts.length > settings["most-hosts"]) found("LINK_MANY_HOSTS", 0.5, [`${hosts.length} hosts`]);

  const strangers = hosts.filter((host) => !authors.some((author) => related(author, host)));
  if (hosts.length > 0 && strangers.length === hosts.length) {
    const text = `${message.subject()}\n${message.text(MOST_TEXT)}`.toLowerCase().replace(/\s+/g, " ");
    found("LINK_URGED", 1.5, settings.urgent.filter((phrase) => text.includes(phrase.toLowerCase())));
  }
  return findings;
}

/** Whether the reader is shown one host and led to another. */
function disguised({ host, anchor }) {
  const shown = /^\s*(?:https?:\/\/)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/?#:]\S*)?\s*$/i.exec(anchor ?? "");
  return shown !== null && !related(shown[1].toLowerCase(), host);
}

/** An address of the Internet Protocol in place of a name. */
function isAddress(host) {
  return /^[0-9.]+$/.test(host) || host.includes(":");
}

/** The domains of all addresses in the value of a header field. */
function domainsIn(value) {
  return [...value.matchAll(/[^\s<>@,;"]+@([^\s<>@,;"]+)/g)].map((match) => match[1].toLowerCase());
}

function domainOf(address) {
  return address.slice(address.lastIndexOf("@") + 1).toLowerCase();
}

/** Whether two hosts belong to one owner, as far as names tell: the same last labels. */
function related(one, other) {
  return owner(one) === owner(other);
}

/** `example.org` of `www.example.org`; `example.co.uk` of `www.example.co.uk`. */
function owner(host) {
  const labels = host.split(".");
  const [second = "", top = ""] = labels.slice(-2);
  return labels.slice(top.length === 2 && second.length <= 3 ? -3 : -2).join(".");
}
