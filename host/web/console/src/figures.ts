/** What is plotted, before it is drawn. */
import type { Flow, Sample, Series } from './api';

export interface Line {
  name: string;
  label: string;
  values: number[];
}

/** Bars of a plot, at most: more would be thinner than a pixel on a telephone. */
const BARS = 72;
/** Colours that there are. */
export const HUES = 7;

/** The series of a group, those with the most first; what is left is one. */
export function lines(flow: Flow, group: string, label: (name: string) => string, others: string): Line[] {
  const found = flow.series.filter((series) => series.group === group);
  const sorted = [...found].sort((a, b) => total(b.values) - total(a.values));
  const shown = sorted.length > HUES ? sorted.slice(0, HUES - 1) : sorted;
  const rest = sorted.slice(shown.length);
  const made = shown.map(({ name, values }) => ({ name, label: label(name), values }));
  if (rest.length === 0) return made;
  return [...made, { name: '', label: others, values: sum(rest, flow.minutes) }];
}

/** Outcomes have their colour in every plot: what goes well, what waits or is put aside, what is refused or fails. */
const OUTCOMES: Record<string, number> = {
  ...{ deliver: 0, relayed: 0, success: 0, pass: 0, accept: 0 },
  ...{ junk: 1, deferred: 1, defer: 1 },
  ...{ refuse: 2, reject: 2, failed: 2, failure: 2 },
};

/** A colour for each name, no two alike while there are as many: outcomes have theirs, others what is left. */
export function hues(names: string[]): number[] {
  const found = new Map<string, number>();
  const taken = new Set<number>();
  const give = (name: string, hue: number) => {
    found.set(name, hue);
    taken.add(hue);
  };
  for (const name of names) {
    const own = OUTCOMES[name];
    if (own !== undefined && !taken.has(own)) give(name, own);
  }
  for (const name of names) {
    const free = Array.from({ length: HUES }, (_, hue) => hue).find((hue) => !taken.has(hue)) ?? HUES - 1;
    if (!found.has(name)) give(name, free);
  }
  return names.map((name) => found.get(name) ?? 0);
}

export function total(values: number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function sum(series: Pick<Series, 'values'>[], minutes: number): number[] {
  return Array.from({ length: minutes }, (_, at) => total(series.map(({ values }) => values[at] ?? 0)));
}

/** So many minutes together that there are no more bars than fit. */
export function bars(values: number[], most: number = BARS): number[] {
  const width = Math.ceil(values.length / most);
  return Array.from({ length: Math.ceil(values.length / width) }, (_, at) =>
    total(values.slice(at * width, (at + 1) * width)),
  );
}

/** A round number that is no less. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((one) => one * power >= value - 1e-9) ?? 10;
  return step * power;
}

/** What comes on top, added to the minute at hand. */
export function added(flow: Flow, sample: Sample): Flow {
  const place = Math.floor((sample.at - flow.first) / (flow.interval * 1000));
  if (place < 0 || place >= flow.minutes) return flow;
  const series = flow.series.map((one) => ({ ...one, values: [...one.values] }));
  for (const { group, name, value } of sample.values) {
    let found = series.find((one) => one.group === group && one.name === name);
    if (found === undefined) {
      found = { group, name, values: Array.from({ length: flow.minutes }, () => 0) };
      series.push(found);
    }
    found.values[place] = (found.values[place] ?? 0) + value;
  }
  return { ...flow, series };
}
