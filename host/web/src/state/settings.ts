/** What a person chose for this browser. */
import { effect, signal } from '@preact/signals';
import { pickLanguage, useLanguage } from '../i18n';

export interface Settings {
  language: string | null;
  theme: 'system' | 'light' | 'dark';
  density: 'comfortable' | 'compact';
  format: 'html' | 'text';
  /** Seconds in which sending can be undone. */
  undoSeconds: number;
  shortcuts: boolean;
  /** Senders whose images are always shown. */
  trusted: string[];
}

const KEY = 'waxwing.settings';
const DEFAULTS: Settings = {
  language: null,
  theme: 'system',
  density: 'comfortable',
  format: 'html',
  undoSeconds: 8,
  shortcuts: true,
  trusted: [],
};

function load(): Settings {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return DEFAULTS;
  }
}

export const settings = signal<Settings>(DEFAULTS);
export const isDark = signal(false);

export function changeSettings(change: Partial<Settings>): void {
  settings.value = { ...settings.peek(), ...change };
  localStorage.setItem(KEY, JSON.stringify(settings.peek()));
}

/** Applies the settings to the page, now and whenever they change. */
export async function startSettings(): Promise<void> {
  settings.value = load();
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const applyTheme = () => {
    const { theme } = settings.value;
    isDark.value = theme === 'dark' || (theme === 'system' && dark.matches);
    document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light';
  };
  effect(applyTheme);
  dark.addEventListener('change', applyTheme);
  effect(() => {
    document.documentElement.dataset.density = settings.value.density;
  });
  await useLanguage(settings.value.language ?? pickLanguage(navigator.languages));
}
