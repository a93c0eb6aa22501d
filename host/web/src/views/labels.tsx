/** Keywords that people gave, as coloured words. */
import type { EmailSummary } from '../jmap/types';
import { hueOf } from '../mail/addresses';
import { userKeywords } from '../state/labels';

export function Labels({ of }: { of: EmailSummary }) {
  return (
    <>
      {userKeywords(of).map((keyword) => (
        <Label key={keyword} keyword={keyword} />
      ))}
    </>
  );
}

export function Label({ keyword }: { keyword: string }) {
  return <span class={`label hue-${hueOf({ name: null, email: keyword }, 8)}`}>{keyword}</span>;
}
