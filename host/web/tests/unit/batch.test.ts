import { expect, test } from 'vitest';
import { Batch, type Invocation } from '../../src/jmap/batch';
import { MethodError } from '../../src/jmap/errors';

const accountId = 'A';

function batchOf(responses: Invocation[]): Batch {
  return new Batch(async (batch) => batch.take(responses));
}

test('a later call refers to what an earlier gives', () => {
  const batch = batchOf([]);
  const query = batch.call('Email/query', { accountId, filter: { inMailbox: 'X' } });
  batch.call('Email/get', { accountId, ids: query.ref('/ids'), properties: ['subject'] });
  expect(batch.invocations()).toEqual([
    ['Email/query', { accountId, filter: { inMailbox: 'X' } }, 'c0'],
    [
      'Email/get',
      { accountId, '#ids': { resultOf: 'c0', name: 'Email/query', path: '/ids' }, properties: ['subject'] },
      'c1',
    ],
  ]);
});

test('what is not given is not sent', () => {
  const batch = batchOf([]);
  batch.call('Email/query', { accountId, limit: undefined });
  expect(batch.invocations()[0]?.[1]).toEqual({ accountId });
});

test('each call has its own answer or its own error', async () => {
  const batch = batchOf([
    ['error', { type: 'cannotCalculateChanges' }, 'c1'],
    ['Thread/get', { list: [], notFound: [], state: '7' }, 'c0'],
  ]);
  const threads = batch.call('Thread/get', { accountId, ids: [] });
  const changes = batch.call('Email/changes', { accountId, sinceState: '1' });
  await batch.send();
  expect(threads.value.state).toBe('7');
  expect(() => changes.value).toThrowError(MethodError);
  expect(() => changes.value).toThrowError(expect.objectContaining({ type: 'cannotCalculateChanges' }));
});

test('a call that was not answered has no value', async () => {
  const batch = batchOf([]);
  const call = batch.call('Thread/get', { accountId, ids: [] });
  await batch.send();
  expect(() => call.value).toThrowError(expect.objectContaining({ type: 'unanswered' }));
});

test('an answer to what a set implied is not taken for its own', async () => {
  const batch = batchOf([
    ['EmailSubmission/set', { newState: 'a' }, 'c0'],
    ['Email/set', { newState: 'b' }, 'c0'],
  ]);
  const call = batch.call('EmailSubmission/set', { accountId });
  await batch.send();
  expect(call.value.newState).toBe('a');
});

test('what creates or submits is not sent twice', () => {
  const repeatable = (fill: (batch: Batch) => void) => {
    const batch = batchOf([]);
    fill(batch);
    return batch.isRepeatable;
  };
  expect(repeatable((batch) => batch.call('Email/get', { accountId, ids: [] }))).toBe(true);
  expect(repeatable((batch) => batch.call('Email/set', { accountId, update: { M: { 'keywords/$seen': true } } }))).toBe(
    true,
  );
  expect(repeatable((batch) => batch.call('Email/set', { accountId, destroy: ['M'] }))).toBe(true);
  expect(repeatable((batch) => batch.call('Email/set', { accountId, create: { a: {} } }))).toBe(false);
  expect(repeatable((batch) => batch.call('EmailSubmission/set', { accountId, update: { S: {} } }))).toBe(false);
});
