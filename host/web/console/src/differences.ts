/** How a message is judged otherwise. */
import type { Side } from './api';
import { count } from './i18n';

/** What is found on one side only, or counts something else. */
export function differences(before: Side, after: Side): string[] {
  const names = [...new Set([...Object.keys(before.findings), ...Object.keys(after.findings)])].sort();
  return names.flatMap((name) => {
    const [was, is] = [before.findings[name], after.findings[name]];
    if (was === is) return [];
    if (was === undefined) return [`+${name} ${count(is ?? 0)}`];
    if (is === undefined) return [`−${name} ${count(was)}`];
    return [`${name} ${count(was)} → ${count(is)}`];
  });
}
