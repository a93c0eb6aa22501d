/** Questions that stand before everything else until they are answered. */
import { signal } from '@preact/signals';
import type { BodyPart, Id } from '../jmap/types';

export type Dialog =
  | { kind: 'confirm'; title: string; text: string; action: string; isDanger: boolean; done: (yes: boolean) => void }
  | {
      kind: 'prompt';
      title: string;
      label: string;
      value: string;
      action: string;
      done: (value: string | null) => void;
    }
  | { kind: 'mailbox'; title: string; done: (id: Id | null) => void }
  | { kind: 'labels'; emailIds: Id[]; done: () => void }
  | { kind: 'image'; part: BodyPart; done: () => void }
  | { kind: 'shortcuts'; done: () => void };

export const dialog = signal<Dialog | null>(null);

type Question<K extends Dialog['kind']> = Omit<Extract<Dialog, { kind: K }>, 'kind' | 'done'>;

function ask<T>(make: (done: (answer: T) => void) => Dialog): Promise<T> {
  return new Promise((resolve) => {
    dialog.value = make((answer) => {
      dialog.value = null;
      resolve(answer);
    });
  });
}

export const confirm = (question: Question<'confirm'>) =>
  ask<boolean>((done) => ({ kind: 'confirm', ...question, done }));

export const prompt = (question: Question<'prompt'>) =>
  ask<string | null>((done) => ({ kind: 'prompt', ...question, done }));

export const pickMailbox = (title: string) => ask<Id | null>((done) => ({ kind: 'mailbox', title, done }));

export const editLabels = (emailIds: Id[]) => ask<void>((done) => ({ kind: 'labels', emailIds, done }));

export const showImage = (part: BodyPart) => ask<void>((done) => ({ kind: 'image', part, done }));

export const showShortcuts = () => ask<void>((done) => ({ kind: 'shortcuts', done }));
