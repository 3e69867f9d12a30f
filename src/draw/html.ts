import { createHash } from 'node:crypto';
import { escapeXml, jsonInHtml } from './escape.ts';
import type { PageData } from './page-data.ts';
import { drawingCss, pageColorsCss } from './theme.ts';

/** The script and style of the page, as `scripts/build.mjs` bundles them from `src/page`. */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
}

/**
 * Renders a page as a single file. Its content security policy allows only its own script and style, and requests only if the
 * page is live, to its own origin.
 */
export function htmlPage(data: PageData, { script, style }: PageAssets): string {
  const css = `${pageColorsCss()}${drawingCss()}${style}`;
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(css)}'`,
    `connect-src ${data.isLive ? "'self'" : "'none'"}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeXml(data.title)}</title>
<style>${css}</style>
</head>
<body>
<noscript>This page needs JavaScript.</noscript>
<script type="application/json" id="data">${jsonInHtml(data)}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** Renders the page that a server shows when it cannot render the real one. It reloads itself. */
export function errorPage(message: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>tasks: error</title>
<h1>The page cannot be shown</h1>
<pre>${escapeXml(message)}</pre>
<p>It reloads every two seconds.</p>
</html>
`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
