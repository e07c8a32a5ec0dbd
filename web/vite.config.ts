import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// Where `palaver serve` runs while the page is worked on; see CONTRIBUTING.md.
const server = 'http://127.0.0.1:8000'

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    outDir: '../src/palaver/server/static',
    emptyOutDir: true,
    // Nothing becomes a data: URL in a file; the policy says what may be loaded, and from where.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': server, '/health': server } },
})
