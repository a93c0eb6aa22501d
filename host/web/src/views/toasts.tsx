import { t } from '../i18n';
import { hideToast, toasts } from '../state/toasts';
import { IconButton } from './parts';

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={toast.isError ? 'toast error' : 'toast'}>
          <span>{toast.text}</span>
          {toast.action && (
            <button
              type="button"
              class="toast-action"
              onClick={() => {
                hideToast(toast.id);
                toast.action?.run();
              }}
            >
              {toast.action.label}
            </button>
          )}
          <IconButton icon="close" label={t('action.close')} onClick={() => hideToast(toast.id)} />
          {toast.seconds !== null && toast.action !== null && (
            <span class="toast-time" style={{ animationDuration: `${toast.seconds}s` }} />
          )}
        </div>
      ))}
    </div>
  );
}
