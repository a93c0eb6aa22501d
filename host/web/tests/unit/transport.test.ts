import { expect, test } from 'vitest';
import { NetworkError, RequestError, UnauthorizedError } from '../../src/jmap/errors';
import { Transport } from '../../src/jmap/transport';

const auth = { headers: () => ({ Authorization: 'Basic x' }), credentials: 'omit' as const };

/** A transport whose requests end as listed, and what it did. */
function scripted(...outcomes: (Response | Error)[]) {
  const waits: number[] = [];
  const reached: boolean[] = [];
  const sent: RequestInit[] = [];
  const transport = new Transport(auth, {
    fetch: async (_, init) => {
      sent.push(init);
      const outcome = outcomes.shift();
      if (outcome === undefined) throw new Error('asked once more than expected');
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
    sleep: async (milliseconds) => void waits.push(milliseconds),
    onReach: (is) => void reached.push(is),
  });
  return { transport, waits, reached, sent };
}

const lost = () => new TypeError('Failed to fetch');
const fine = () => new Response('{}');

test('credentials and what was given go along', async () => {
  const { transport, sent } = scripted(fine());
  await transport.request('/jmap', { method: 'POST', headers: { Accept: 'x' } }, true);
  expect(sent[0]).toMatchObject({
    method: 'POST',
    headers: { Authorization: 'Basic x', Accept: 'x' },
    cache: 'no-store',
  });
});

test('a lost request is sent again, each time after longer', async () => {
  const { transport, waits, reached } = scripted(lost(), lost(), fine());
  await transport.request('/jmap', {}, true);
  expect(waits).toEqual([400, 800]);
  expect(reached).toEqual([false, false, true]);
});

test('a lost request that must not happen twice is not sent again', async () => {
  const { transport } = scripted(lost());
  await expect(transport.request('/jmap', {}, false)).rejects.toThrowError(NetworkError);
});

test('five times are enough', async () => {
  const { transport, waits } = scripted(lost(), lost(), lost(), lost(), lost());
  await expect(transport.request('/jmap', {}, true)).rejects.toThrowError(NetworkError);
  expect(waits).toHaveLength(4);
});

test('a busy server is asked again when it says, even for what must not happen twice', async () => {
  const busy = new Response('', { status: 503, headers: { 'Retry-After': '3' } });
  const limited = new Response('', { status: 429, headers: { 'Retry-After': '600' } });
  const { transport, waits } = scripted(busy, limited, fine());
  await transport.request('/jmap', {}, false);
  expect(waits).toEqual([3_000, 30_000]);
});

test('too many at a time are asked again, too large a one is not', async () => {
  const limit = (name: string) => {
    const problem = { type: 'urn:ietf:params:jmap:error:limit', limit: name };
    return new Response(JSON.stringify(problem), { status: 400 });
  };
  const first = scripted(limit('maxConcurrentRequests'), fine());
  await first.transport.request('/jmap', {}, false);
  expect(first.waits).toEqual([400]);
  const second = scripted(limit('maxSizeRequest'));
  await expect(second.transport.request('/jmap', {}, true)).rejects.toMatchObject({ type: 'limit' });
});

test('a refusal has the type of its problem document', async () => {
  const problem = { type: 'urn:ietf:params:jmap:error:limit', limit: 'maxSizeRequest', detail: 'Too much.' };
  const { transport } = scripted(new Response(JSON.stringify(problem), { status: 400 }));
  const error = await transport.request('/jmap', {}, true).catch((caught) => caught);
  expect(error).toBeInstanceOf(RequestError);
  expect(error).toMatchObject({ type: 'limit', status: 400, message: 'Too much.' });
});

test('a refusal without one is known by its status', async () => {
  const { transport } = scripted(new Response('<html>', { status: 413 }));
  await expect(transport.request('/jmap', {}, true)).rejects.toMatchObject({ type: 'http413' });
});

test('credentials that are not taken are an error of their own', async () => {
  const { transport } = scripted(new Response('', { status: 401 }));
  await expect(transport.request('/jmap', {}, true)).rejects.toThrowError(UnauthorizedError);
});

test('what was given up is not sent again', async () => {
  const { transport, reached } = scripted(lost());
  await expect(transport.request('/jmap', { signal: AbortSignal.abort() }, true)).rejects.toThrowError(NetworkError);
  expect(reached).toEqual([]);
});
