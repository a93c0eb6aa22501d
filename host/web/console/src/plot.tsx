/** Plots over time, drawn as SVG: stacked bars with a legend, and the same in numbers for who cannot see them. */
import { useId } from 'preact/hooks';
import type { Flow } from './api';
import { bars, hues, type Line, roundUp, total } from './figures';
import { clock, count, percent, short, t } from './i18n';

const WIDTH = 720;
const HEIGHT = 180;
const LEFT = 46;
const FOOT = 22;
const HEAD = 8;

interface PlotProps {
  title: string;
  flow: Flow;
  lines: Line[];
  unit?: (value: number) => string;
}

export function Plot({ title, flow, lines: shown, unit = count }: PlotProps) {
  const id = useId();
  const colours = hues(shown.map(({ name }) => name));
  const drawn = shown.map((line, at) => ({ ...line, bars: bars(line.values), hue: colours[at] ?? 0 }));
  const places = drawn[0]?.bars.length ?? 0;
  const heights = Array.from({ length: places }, (_, at) => total(drawn.map((line) => line.bars[at] ?? 0)));
  const top = roundUp(Math.max(0, ...heights));
  const step = (WIDTH - LEFT) / Math.max(1, places);
  const tall = HEIGHT - FOOT - HEAD;
  const y = (value: number) => HEAD + tall * (1 - value / top);
  const times = [0, 0.5, 1].map((share) => ({
    x: LEFT + share * (WIDTH - LEFT),
    at: flow.first + share * flow.minutes * flow.interval * 1000,
    anchor: share === 0 ? 'start' : share === 1 ? 'end' : 'middle',
  }));
  const said = drawn.map((line) => `${line.label}: ${unit(total(line.values))}`).join(', ');
  return (
    <figure class="plot" aria-labelledby={id}>
      <figcaption id={id}>{title}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={said === '' ? t('state.none') : said}>
        {[0, 0.5, 1].map((share) => (
          <g key={share}>
            <line class="grid" x1={LEFT} x2={WIDTH} y1={y(share * top)} y2={y(share * top)} />
            <text class="scale" x={LEFT - 6} y={y(share * top) + 4} text-anchor="end">
              {scale(share * top, unit)}
            </text>
          </g>
        ))}
        {heights.map((_, at) => {
          let below = 0;
          return drawn.map((line) => {
            const value = line.bars[at] ?? 0;
            if (value <= 0) return null;
            below += value;
            return (
              <rect
                key={`${line.name}${at}`}
                class={`series-${line.hue}`}
                x={LEFT + at * step + step * 0.08}
                width={step * 0.84}
                y={y(below)}
                height={Math.max(0.5, (value / top) * tall)}
              />
            );
          });
        })}
        {times.map(({ x, at, anchor }) => (
          <text key={at} class="scale" x={x} y={HEIGHT - 5} text-anchor={anchor}>
            {clock(at)}
          </text>
        ))}
      </svg>
      <ul class="legend">
        {drawn.map((line) => (
          <li key={line.name}>
            <span class={`swatch series-${line.hue}`} aria-hidden="true" />
            {line.label} <strong>{unit(total(line.values))}</strong>
          </li>
        ))}
        {drawn.length === 0 && <li class="soft">{t('state.none')}</li>}
      </ul>
    </figure>
  );
}

/** A number beside a line: there is no half message, and no room for long ones. */
function scale(value: number, unit: (value: number) => string): string {
  if (unit !== count) return unit(value);
  return Number.isInteger(value) ? short(value) : '';
}

/** Shares of a whole, in a bar. */
export function Shares({ of, label }: { of: Record<string, number>; label: string }) {
  const shares = Object.entries(of).sort(([, a], [, b]) => b - a);
  const whole = total(shares.map(([, value]) => value));
  if (whole === 0) return null;
  const colours = hues(shares.map(([name]) => name));
  let from = 0;
  const said = shares.map(([name, value]) => `${name} ${percent(value / whole)}`).join(', ');
  return (
    <div class="shares">
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={`${label}: ${said}`}>
        {shares.map(([name, value], at) => {
          const x = from;
          from += (100 * value) / whole;
          return <rect key={name} class={`series-${colours[at] ?? 0}`} x={x} y={0} width={from - x} height={6} />;
        })}
      </svg>
      <span class="soft">{said}</span>
    </div>
  );
}
