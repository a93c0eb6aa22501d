// Runs cases/*.json against logic.js in plain Node: no server, no WebAssembly.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { judge, readSettings } from "./logic.js";

/** A message with the methods of plugin-sdk/wit/message.wit that the plugin calls. */
function messageOf({ from = [], subject = "", text = "", headers = {}, urls = [] }) {
  return {
    fromAddresses: () => from,
    subject: () => subject,
    text: (most) => text.slice(0, most),
    first: (name) => headers[name] ?? null,
    urls: (most) => urls.slice(0, most).map((url) => ({ text: `https://${url.host}/`, scheme: "https", anchor: null, ...url })),
  };
}

const folder = new URL("cases/", import.meta.url);
for (const file of readdirSync(folder)) {
  for (const { name, settings, message, findings, problem } of JSON.parse(readFileSync(new URL(file, folder), "utf8"))) {
    test(`${file}: ${name}`, () => {
      const read = () => readSettings(settings ? JSON.stringify(settings) : "");
      if (problem) {
        assert.throws(read, (thrown) => thrown === problem);
        return;
      }
      const found = judge(messageOf(message), read());
      assert.deepEqual(found.map(({ name, weight, evidence }) => `${name} ${weight}: ${evidence.join(", ")}`), findings);
    });
  }
}
