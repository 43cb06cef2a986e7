import { render } from 'preact';
import { App } from './app.tsx';
import { reloadAfterUpgrade } from './reload-after-upgrade.ts';
import './style/base.css';
import './style/layout.css';
import './style/components.css';
import './style/forms.css';
import { applyTheme, readTheme } from './theme.ts';

const container = document.getElementById('app');
if (container === null) throw new Error('index.html has no element #app');
applyTheme(readTheme());
reloadAfterUpgrade();
render(<App />, container);
