// node borrows.mjs PLUGIN.wasm: makes the hooks of a component by componentize-qjs give back in time what they borrow.
//
// The component model wants handles that a call borrows dropped before the call returns. componentize-qjs 0.4.5 drops them in the clean-up
// after it (`cabi_post_…`) when functions are synchronous, and the host then ends each call of a hook as a fault: "borrow handles still remain
// at the end of the call". JavaScript cannot drop them either: `[Symbol.dispose]()` refuses what is borrowed.
//
// So the core module that ties the engine to WIT gets, for each hook, a function that calls the hook and then drops its handles; it is exported in
// the hook's place. In the table through which the engine drops handles of these resources, a function that does nothing stands instead. What a
// plugin owns (`part`, `pattern-set`) is dropped as before.

import { readFileSync, renameSync, writeFileSync } from "node:fs";

/** The handles that hooks borrow: which parameter it is in the core function, and what it is a handle of. */
const connection = [0, "waxwing:policy/session@0.1.0", "connection"];
const envelope = (parameter) => [parameter, "waxwing:policy/envelope@0.1.0", "envelope"];
const message = (parameter) => [parameter, "waxwing:policy/message@0.1.0", "message"];
const actions = (parameter, kind) => [parameter, "waxwing:policy/actions@0.1.0", `${kind}-actions`];
const BORROWS = {
  "hook-connect@0.1.0#on-connect": [connection],
  "hook-ehlo@0.1.0#on-ehlo": [connection],
  "hook-login@0.1.0#before": [connection],
  "hook-login@0.1.0#after": [connection],
  "hook-login@0.1.0#failed": [connection],
  "hook-authenticate@0.1.0#check": [connection, [1, "waxwing:policy/credentials@0.1.0", "credentials"]],
  "hook-mail-from@0.1.0#on-mail-from": [connection, envelope(1)],
  "hook-rcpt-to@0.1.0#on-rcpt-to": [connection, envelope(1)],
  "hook-message@0.1.0#on-message": [connection, envelope(1), message(2), actions(3, "message")],
  "hook-verdict@0.1.0#on-verdict": [connection, envelope(1)],
  "hook-route-inbound@0.1.0#resolve": [envelope(0)],
  "hook-deliver@0.1.0#on-deliver": [envelope(0), message(14), actions(15, "delivery")],
};

/** Sections by their numbers (WebAssembly core specification, 5.5; in a component 1 is a core module, 4 a component). */
const TYPE = 1, IMPORT = 2, FUNCTION = 3, EXPORT = 7, ELEMENT = 9, CODE = 10;

/** Reads numbers and names one after another. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }
  byte() {
    return this.bytes[this.at++];
  }
  number() {
    let value = 0, shift = 0, byte;
    do {
      byte = this.byte();
      value |= (byte & 127) << shift;
      shift += 7;
    } while (byte & 128);
    return value >>> 0;
  }
  name() {
    const length = this.number();
    this.at += length;
    return this.bytes.toString("utf8", this.at - length, this.at);
  }
  list(item) {
    return Array.from({ length: this.number() }, () => item(this));
  }
  limits() {
    return this.byte() & 1 ? [this.number(), this.number()] : [this.number()];
  }
}

function number(value) {
  const bytes = [];
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0));
    value >>>= 7;
  } while (value > 0);
  return bytes;
}

/** A list with more at its end. */
function longer(section, items) {
  const reader = new Reader(section);
  const count = reader.number();
  return Buffer.concat([Buffer.from(number(count + items.length)), section.subarray(reader.at), ...items.map((item) => Buffer.from(item))]);
}

/** The module or component with the core module in it that exports hooks made right. */
function mend(bytes) {
  const isComponent = bytes[6] === 1;
  const sections = [];
  for (const reader = new Reader(bytes, 8); reader.at < bytes.length; ) {
    const id = reader.byte();
    const length = reader.number();
    const content = bytes.subarray(reader.at, (reader.at += length));
    sections.push({ id, content: isComponent && (id === 1 || id === 4) ? mend(content) : content });
  }
  if (!isComponent) mendModule(sections);
  return Buffer.concat([bytes.subarray(0, 8), ...sections.flatMap(({ id, content }) => [Buffer.from([id, ...number(content.length)]), content])]);
}

function mendModule(sections) {
  const section = (id) => sections.find((section) => section.id === id);
  const exports = section(EXPORT) && readExports(section(EXPORT).content);
  const hooks = (exports ?? []).filter(({ name }) => name.replace("waxwing:policy/", "") in BORROWS);
  // The modules around it re-export hooks without having functions of their own.
  if (hooks.length === 0 || !section(CODE) || !section(ELEMENT)) return;

  const imports = readImports(section(IMPORT).content);
  const drops = (borrows) => borrows.map(([parameter, module, resource]) =>
    [parameter, imports.findIndex((name) => name === `${module} [resource-drop]${resource}`)]);
  const types = new Reader(section(TYPE).content).list(readType);
  const defined = new Reader(section(FUNCTION).content).list((reader) => reader.number());
  let next = imports.length + defined.length;

  // (func (param i32)): drops nothing.
  const nothing = next++;
  const newTypes = [[0x60, 1, 0x7f, 0]];
  const newFunctions = [number(types.length)];
  const newBodies = [[2, 0, 0x0b]];
  const silenced = new Set();
  for (const hook of hooks) {
    const type = defined[hook.index - imports.length];
    const handles = drops(BORROWS[hook.name.replace("waxwing:policy/", "")]);
    // The answer stays on the stack while the handles are dropped.
    const body = [0, ...types[type].flatMap((_, parameter) => [0x20, ...number(parameter)]), 0x10, ...number(hook.index)];
    for (const [parameter, drop] of handles) {
      body.push(0x20, ...number(parameter), 0x10, ...number(drop));
      silenced.add(drop);
    }
    body.push(0x0b);
    newFunctions.push(number(type));
    newBodies.push([...number(body.length), ...body]);
    hook.index = next++;
  }
  section(TYPE).content = longer(section(TYPE).content, newTypes);
  section(FUNCTION).content = longer(section(FUNCTION).content, newFunctions);
  section(CODE).content = longer(section(CODE).content, newBodies);
  section(EXPORT).content = writeExports(exports);
  section(ELEMENT).content = silence(section(ELEMENT).content, silenced, nothing);
}

function readExports(content) {
  return new Reader(content).list((reader) => ({ name: reader.name(), kind: reader.byte(), index: reader.number() }));
}

function writeExports(exports) {
  const one = ({ name, kind, index }) => [...number(Buffer.byteLength(name)), ...Buffer.from(name), kind, ...number(index)];
  return Buffer.from([...number(exports.length), ...exports.flatMap(one)]);
}

/** The imported functions as `module name`. */
function readImports(content) {
  const functions = [];
  new Reader(content).list((reader) => {
    const name = `${reader.name()} ${reader.name()}`;
    const kind = reader.byte();
    if (kind === 0) {
      reader.number();
      functions.push(name);
    } else if (kind === 1) {
      reader.byte();
      reader.limits();
    } else if (kind === 2) {
      reader.limits();
    } else {
      reader.at += 2;
    }
  });
  return functions;
}

/** The parameters of a function's type. */
function readType(reader) {
  if (reader.byte() !== 0x60) throw new Error("a type that is no function's");
  const parameters = reader.list((reader) => reader.byte());
  reader.list((reader) => reader.byte());
  return parameters;
}

/** The one segment of the table, with `nothing` in the place of each function that is to be silent. */
function silence(content, silenced, nothing) {
  const reader = new Reader(content);
  const segments = reader.number();
  const flags = reader.number();
  if (segments !== 1 || flags !== 2) throw new Error("a table that is filled in another way");
  reader.number();
  while (reader.byte() !== 0x0b) reader.number();
  reader.byte();
  const head = content.subarray(0, reader.at);
  const functions = reader.list((reader) => reader.number());
  const replaced = functions.map((index) => number(silenced.has(index) ? nothing : index));
  return Buffer.concat([head, Buffer.from([...number(functions.length), ...replaced.flat()])]);
}

const [path] = process.argv.slice(2);
const mended = mend(readFileSync(path));
writeFileSync(`${path}.new`, mended);
renameSync(`${path}.new`, path);
