/**
 * The page's sanitiser. It parses in a hidden document of the kind that mail is shown in: under the policy of our
 * own page, styles of mail would be refused before anybody has looked at them.
 */
import { frameUrl, SANDBOX } from '../mail/frame';
import { Sanitiser } from '../mail/sanitise';

let loading: Promise<Sanitiser> | null = null;
let instance: Sanitiser | null = null;

export function loadSanitiser(): Promise<Sanitiser> {
  loading ??= loadWindow().then((window) => {
    instance = new Sanitiser(window);
    return instance;
  });
  return loading;
}

/** The sanitiser that `loadSanitiser` has loaded. */
export function sanitiser(): Sanitiser {
  if (instance === null) throw new Error('the sanitiser is not loaded');
  return instance;
}

function loadWindow(): Promise<Window & typeof globalThis> {
  return new Promise((resolve, reject) => {
    const frame = document.createElement('iframe');
    frame.hidden = true;
    frame.title = '';
    frame.setAttribute('sandbox', SANDBOX);
    frame.src = frameUrl(false);
    frame.onload = () => {
      const window = frame.contentWindow as (Window & typeof globalThis) | null;
      if (window === null) reject(new Error('a frame without a window'));
      else resolve(window);
    };
    document.body.append(frame);
  });
}
