/** Views that are fetched when they are first shown. */
import { type Signal, signal } from '@preact/signals';
import type { ComponentType } from 'preact';

export interface Lazy {
  view: Signal<ComponentType | null>;
  load: () => void;
}

export function lazy(importing: () => Promise<{ default: ComponentType }>): Lazy {
  const view = signal<ComponentType | null>(null);
  let isLoading = false;
  const load = () => {
    if (isLoading) return;
    isLoading = true;
    importing().then(
      (module) => {
        view.value = module.default;
      },
      () => {
        isLoading = false;
      },
    );
  };
  return { view, load };
}

export function Suspense({ of }: { of: Lazy }) {
  of.load();
  const View = of.view.value;
  return View === null ? null : <View />;
}
