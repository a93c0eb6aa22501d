import { signal } from '@preact/signals';

/** Whether the mailboxes are shown where there is no room to show them always. */
export const isDrawerOpen = signal(false);
