import path from 'node:path';
import { defineConfig } from 'vite';

/** A running Weir, for `npm run dev:console`. It compares the host with the origin of the page, so the host stays. */
const WEIR = { target: 'http://127.0.0.1:8080', changeOrigin: false };

export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: path.join(import.meta.dirname, '..', 'dist', 'console'),
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows no data URLs.
    assetsInlineLimit: 0,
    // The licences of the packages in the bundle.
    license: { fileName: 'licenses.md' },
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/console/api': WEIR, '/console/session': WEIR } },
});
