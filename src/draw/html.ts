import { createHash } from 'node:crypto';
import { escapeXml, jsonInHtml } from './escape.ts';
import type { PageData } from './page-data.ts';
import { drawingCss, pageColorsCss } from './theme.ts';

/** What makes the page work, as `scripts/build.mjs` bundles it from `src/page`. */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
}

/**
 * A page in one file that asks nobody for anything: its policy allows its own script and style alone, and requests only
 * where it is live, to where it came from.
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

/** What stands where a page cannot be made now; it asks again by itself. */
export function errorPage(message: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>tasks: error</title>
<h1>This cannot be shown now</h1>
<pre>${escapeXml(message)}</pre>
<p>It is tried again every two seconds.</p>
</html>
`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
