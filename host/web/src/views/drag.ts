/** Rows dragged onto mailboxes. */
import { signal } from '@preact/signals';
import type { Id } from '../jmap/types';
import type { Account } from '../state/account';
import { Commands } from '../state/commands';

const TYPE = 'application/x-waxwing-rows';

/** The mailbox that the rows are over. */
export const dropTarget = signal<Id | null>(null);

export function startDrag(event: DragEvent, account: Account, row: Id): void {
  const chosen = [...account.selection.ids.peek()];
  const rows = chosen.includes(row) ? chosen : [row];
  event.dataTransfer?.setData(TYPE, JSON.stringify(rows));
  if (event.dataTransfer) event.dataTransfer.effectAllowed = 'move';
}

/** What a mailbox listens to. */
export function dropHandlers(account: Account, mailboxId: Id, mayAdd: boolean) {
  const isRows = (event: DragEvent) =>
    mayAdd && mailboxId !== account.list.peek()?.mailboxId && event.dataTransfer?.types.includes(TYPE) === true;
  return {
    onDragOver: (event: DragEvent) => {
      if (!isRows(event)) return;
      event.preventDefault();
      dropTarget.value = mailboxId;
    },
    onDragLeave: () => {
      if (dropTarget.peek() === mailboxId) dropTarget.value = null;
    },
    onDrop: (event: DragEvent) => {
      dropTarget.value = null;
      if (!isRows(event)) return;
      event.preventDefault();
      const rows = JSON.parse(event.dataTransfer?.getData(TYPE) || '[]') as Id[];
      new Commands(account).moveTo(mailboxId, rows);
    },
  };
}
