import { expect, test } from 'vitest';
import { SseParser } from '../../src/jmap/sse';

const STREAM =
  ': hello\r\n\r\nevent: state\r\nid: 7\r\ndata: {"a":\r\ndata: 1}\r\n\r\nevent: ping\ndata: {}\n\ndata:x\rdata: y\n\nid: 9\n\n';
const EVENTS = [
  { type: 'state', data: '{"a":\n1}', id: '7' },
  { type: 'ping', data: '{}', id: '7' },
  { type: 'message', data: 'x\ny', id: '7' },
];

test('a stream in one piece', () => {
  expect(new SseParser().push(STREAM)).toEqual(EVENTS);
});

test('a stream split anywhere', () => {
  for (let at = 0; at <= STREAM.length; at++) {
    const parser = new SseParser();
    expect([...parser.push(STREAM.slice(0, at)), ...parser.push(STREAM.slice(at))]).toEqual(EVENTS);
  }
});

test('a stream by single characters', () => {
  const parser = new SseParser();
  expect([...STREAM].flatMap((sign) => parser.push(sign))).toEqual(EVENTS);
});
