// The glue between the host and logic.js: settings in, findings out.
//
// A file like this exports each interface of its world (plugin-sdk/wit/worlds.wit, `message-plugin`) as an object, names in camelCase:
// `lifecycle` once for every plugin, `hookMessage` for the hook `message`. What a function returns as `result` is returned, what it
// answers as error is thrown.

import findings from "waxwing:policy/findings@0.1.0";

import { judge, readSettings } from "./logic.js";

let settings;

export const lifecycle = {
  init(text) {
    settings = readSettings(text);
  },
};

export const hookMessage = {
  onMessage(conn, env, msg, act) {
    for (const { name, weight, evidence } of judge(msg, settings)) {
      findings.add(name, weight, evidence);
    }
    return { tag: "pass" };
  },
};
