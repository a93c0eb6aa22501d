import { render } from 'preact';
import '../../src/styles/tokens.css';
import '../../src/styles/base.css';
import '../../src/styles/controls.css';
import '../../src/styles/login.css';
import './console.css';
import { App } from './app';
import { startLanguage } from './i18n';

/** The colours that the system asks for, as they change. */
function followTheme(): void {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    document.documentElement.dataset.theme = dark.matches ? 'dark' : 'light';
  };
  dark.addEventListener('change', apply);
  apply();
}

const root = document.getElementById('app');
followTheme();
await startLanguage();
if (root !== null) render(<App />, root);
