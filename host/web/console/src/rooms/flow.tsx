import { useEffect, useState } from 'preact/hooks';
import { type Flow, follow, get, type Sample } from '../api';
import { count, duration, moment, t, word } from '../i18n';
import { useAsked, Waiting } from '../parts';
import { lines, Plot } from '../plot';

const RANGES = [60, 360, 1440];
/** How often the whole is asked for anew; what happens in between comes by itself. */
const REFRESH = 60_000;

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

export function FlowRoom() {
  const [minutes, setMinutes] = useState(60);
  const asked = useAsked(() => get<Flow>(`/flow?minutes=${minutes}`), [minutes]);
  const [flow, setFlow] = useState<Flow | null>(null);
  useEffect(() => setFlow(asked.value), [asked.value]);
  useEffect(() => {
    const end = new AbortController();
    const heard = (data: string) => {
      const sample = JSON.parse(data) as Sample;
      setFlow((now) => (now === null ? now : added(now, sample)));
    };
    // Without it the plots are still drawn anew each minute.
    follow('/flow/live', heard, end.signal).catch(() => {});
    return () => end.abort();
  }, []);
  useEffect(() => {
    const timer = setInterval(() => void asked.load(), REFRESH);
    return () => clearInterval(timer);
  }, [asked.load]);
  const seconds = (value: number) => duration(value * 1e6);
  const own = (name: string) => name;
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: buttons of which one is pressed */}
      <div class="choices" role="group" aria-label={t('flow.range')}>
        {RANGES.map((range) => (
          <button
            key={range}
            type="button"
            class="button small"
            aria-pressed={range === minutes}
            onClick={() => setMinutes(range)}
          >
            {t('flow.hours', { hours: range / 60 })}
          </button>
        ))}
      </div>
      <Waiting of={asked}>
        {flow !== null && (
          <>
            <div class="plots">
              <Plot
                title={t('flow.verdicts')}
                flow={flow}
                lines={lines(flow, 'verdict', (name) => word('verdict', name))}
              />
              <Plot title={t('flow.accepted')} flow={flow} lines={lines(flow, 'accepted', own)} />
              <Plot title={t('flow.refused')} flow={flow} lines={lines(flow, 'refused', own)} />
              <Plot title={t('flow.sent')} flow={flow} lines={lines(flow, 'sent', (name) => word('state', name))} />
              <Plot title={t('flow.cost')} flow={flow} lines={lines(flow, 'plugin-seconds', own)} unit={seconds} />
              <Plot title={t('flow.calls')} flow={flow} lines={lines(flow, 'plugin-calls', own)} unit={count} />
              <Plot title={t('flow.logins')} flow={flow} lines={lines(flow, 'logins', (name) => word('state', name))} />
            </div>
            <p class="soft">{t('flow.since', { at: moment(flow.since) })}</p>
          </>
        )}
      </Waiting>
    </>
  );
}
