import { render } from 'preact';
import './styles/index.css';
import { startSettings } from './state/settings';
import { App } from './views/app';

const root = document.getElementById('app');
await startSettings();
if (root !== null) render(<App />, root);
