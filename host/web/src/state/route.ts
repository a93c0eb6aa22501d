/** Where one is: in the fragment of the address, so that the server serves one page for all. */
import { signal } from '@preact/signals';
import type { Id } from '../jmap/types';

export type Route =
  | { page: 'box'; mailboxId: Id | null; threadId: Id | null }
  | { page: 'search'; query: string; threadId: Id | null }
  | { page: 'settings'; tab: string };

export function parseRoute(hash: string): Route {
  const [page, first, second] = hash.replace(/^#\/?/, '').split('/').map(decode);
  if (page === 'settings') return { page, tab: first || 'general' };
  if (page === 'search' && first) return { page, query: first, threadId: second || null };
  return {
    page: 'box',
    mailboxId: page === 'box' ? first || null : null,
    threadId: page === 'box' ? second || null : null,
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function routeHash(route: Route): string {
  const parts = (...values: (string | null)[]) =>
    values.filter((value) => value !== null).map((value) => encodeURIComponent(value));
  switch (route.page) {
    case 'box':
      return route.mailboxId === null ? '#/' : `#/box/${parts(route.mailboxId, route.threadId).join('/')}`;
    case 'search':
      return `#/search/${parts(route.query, route.threadId).join('/')}`;
    case 'settings':
      return `#/settings/${encodeURIComponent(route.tab)}`;
  }
}

export const route = signal<Route>(parseRoute(location.hash));

addEventListener('hashchange', () => {
  route.value = parseRoute(location.hash);
});

export function go(next: Route, replace = false): void {
  const hash = routeHash(next);
  if (hash === location.hash) return;
  if (replace) history.replaceState(null, '', hash);
  else history.pushState(null, '', hash);
  route.value = next;
}

addEventListener('popstate', () => {
  route.value = parseRoute(location.hash);
});

/** The same list with another thread open, or none. */
export function withThread(current: Route, threadId: Id | null): Route {
  return current.page === 'settings' ? current : { ...current, threadId };
}
