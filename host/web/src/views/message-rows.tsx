/** The rows in view of a list of any length, at their places in a box as high as all of them. */
import { useSignalEffect } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import type { MessageList } from '../state/list';
import { settings } from '../state/settings';
import { explain } from '../state/toasts';
import { useAccount } from './context';
import { MessageRow } from './message-row';
import { Empty } from './parts';

const HEIGHTS = { comfortable: 84, compact: 58 };
/** Rows beyond the edges, so that a slow scroll shows none that is empty. */
const OVERSCAN = 8;
/** While the bar is dragged across thousands of rows, only those where it rests are asked for. */
const REST = 60;

export function MessageRows({ list }: { list: MessageList }) {
  const account = useAccount();
  const box = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState<[number, number]>([0, 20]);
  const height = HEIGHTS[settings.value.density];
  const total = list.total.value;
  const ids = list.ids.value;
  const measure = () => {
    if (box.current === null) return;
    const first = Math.max(Math.floor(box.current.scrollTop / height) - OVERSCAN, 0);
    const last = Math.ceil((box.current.scrollTop + box.current.clientHeight) / height) + OVERSCAN;
    setRange((old) => (old[0] === first && old[1] === last ? old : [first, last]));
  };
  useLayoutEffect(measure, [height, total]);
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, [height]);
  useEffect(() => {
    const isFirst = list.total.peek() === null;
    const timer = setTimeout(() => void list.ensure(...range), isFirst ? 0 : REST);
    return () => clearTimeout(timer);
  }, [list, range[0], range[1], ids]);
  useSnippets(list, range);
  useCursorInView(list, box, height);

  if (list.error.value !== null && total === null) {
    return (
      <Empty icon="warning" title={explain(list.error.value)}>
        <button type="button" class="button" onClick={() => void list.retry()}>
          {t('action.retry')}
        </button>
      </Empty>
    );
  }
  if (total === 0) return <Empty icon="inbox" title={list.mailboxId ? t('list.empty') : t('list.noResults')} />;
  const rows = [];
  for (let index = range[0]; index <= Math.min(range[1], (total ?? range[1] + 1) - 1); index++) {
    rows.push(
      <MessageRow key={index} id={ids[index]} index={index} total={total ?? 0} top={index * height} list={list} />,
    );
  }
  const cursor = account.selection.cursor.value;
  const hasCursor = cursor !== null && ids.indexOf(cursor) >= 0;
  return (
    <div class="rows" ref={box} onScroll={measure} data-cursor={hasCursor || undefined}>
      <ul class="rows-box" aria-busy={total === null} style={{ height: `${(total ?? rows.length) * height}px` }}>
        {rows}
      </ul>
    </div>
  );
}

/** Of a search, where in the messages the words are. */
function useSnippets(list: MessageList, range: [number, number]): void {
  const account = useAccount();
  useEffect(() => {
    if (list.mailboxId !== null) return;
    const shown = list.ids.value.slice(range[0], range[1] + 1).filter((id) => id !== undefined);
    void account.snippets.load(list.filter, shown);
  }, [list, range[0], range[1], list.ids.value]);
}

function useCursorInView(list: MessageList, box: { current: HTMLDivElement | null }, height: number): void {
  const account = useAccount();
  useSignalEffect(() => {
    const cursor = account.selection.cursor.value;
    const index = cursor === null ? -1 : list.ids.peek().indexOf(cursor);
    const view = box.current;
    if (index < 0 || view === null) return;
    const top = index * height;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + height > view.scrollTop + view.clientHeight) view.scrollTop = top + height - view.clientHeight;
  });
}
