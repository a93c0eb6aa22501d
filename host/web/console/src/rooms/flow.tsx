import { useEffect, useState } from 'preact/hooks';
import { type Flow, follow, get, type Sample } from '../api';
import { added, lines } from '../figures';
import { count, duration, moment, t, word } from '../i18n';
import { useAsked, Waiting } from '../parts';
import { Plot } from '../plot';

const RANGES = [60, 360, 1440];
/** How often the whole is asked for anew; what happens in between comes by itself. */
const REFRESH = 60_000;

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
  const others = t('flow.others');
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
                lines={lines(flow, 'verdict', (name) => word('verdict', name), others)}
              />
              <Plot title={t('flow.accepted')} flow={flow} lines={lines(flow, 'accepted', own, others)} />
              <Plot title={t('flow.refused')} flow={flow} lines={lines(flow, 'refused', own, others)} />
              <Plot
                title={t('flow.sent')}
                flow={flow}
                lines={lines(flow, 'sent', (name) => word('state', name), others)}
              />
              <Plot
                title={t('flow.cost')}
                flow={flow}
                lines={lines(flow, 'plugin-seconds', own, others)}
                unit={seconds}
              />
              <Plot title={t('flow.calls')} flow={flow} lines={lines(flow, 'plugin-calls', own, others)} unit={count} />
              <Plot
                title={t('flow.logins')}
                flow={flow}
                lines={lines(flow, 'logins', (name) => word('state', name), others)}
              />
            </div>
            <p class="soft">{t('flow.since', { at: moment(flow.since) })}</p>
          </>
        )}
      </Waiting>
    </>
  );
}
