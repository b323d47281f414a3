/**
 * The page on which the person's browser ends up. It loads nothing and runs nothing: no script, no image,
 * no font, and a content security policy that allows its one stylesheet by hash. Every inserted text is
 * escaped.
 */
import { createHash } from 'node:crypto';
import type { CallbackPage } from '../../session/ports.ts';

const style = `
:root{color-scheme:light dark;--ground:#f6f5f2;--card:#fff;--ink:#1d1c1a;--soft:#5f5c56;--line:#e4e1da;--accent:#1a7f4b;--tint:#e5f4ec}
.failed{--accent:#b3401d;--tint:#fcebe4}
.quiet{--accent:#5f5c56;--tint:#efede8}
@media(prefers-color-scheme:dark){
:root{--ground:#141413;--card:#1e1d1c;--ink:#f2f0eb;--soft:#a9a59c;--line:#34322f;--accent:#5cc98f;--tint:#1c3327}
.failed{--accent:#f08a62;--tint:#3a231a}
.quiet{--accent:#a9a59c;--tint:#2b2927}
}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100svh;display:grid;place-items:center;padding:24px;background:var(--ground);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;-webkit-text-size-adjust:100%}
main{width:100%;max-width:29rem;padding:40px 36px 32px;background:var(--card);border:1px solid var(--line);border-radius:16px;box-shadow:0 1px 2px #0000000a,0 12px 32px #0000000f}
.mark{display:block;width:48px;height:48px;margin:0 0 24px;border-radius:50%;background:var(--tint);color:var(--accent)}
h1{margin:0 0 12px;font-size:1.5rem;line-height:1.25;font-weight:650;letter-spacing:-.015em;text-wrap:balance}
p{margin:0 0 12px;color:var(--soft);overflow-wrap:anywhere;text-wrap:pretty}
strong{color:var(--ink);font-weight:600}
footer{margin-top:28px;padding-top:16px;border-top:1px solid var(--line);font-size:.8125rem;color:var(--soft)}
@media(max-width:30rem){body{padding:16px;place-items:start center}main{padding:28px 24px 22px;margin-top:6vh}h1{font-size:1.375rem}}
`.trim();

const styleHash = createHash('sha256').update(style).digest('base64');

export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-robots-tag': 'noindex',
};

const tick = 'M15.5 24.8l5.8 5.8L33 18.8';
const cross = 'M18 18l12 12M30 18L18 30';
const bar = 'M16 24h16';

/** The page's HTML. */
export function renderCallbackPage(page: CallbackPage): string {
  switch (page.status) {
    case 'signed_in':
      return render({
        look: 'signed-in',
        mark: tick,
        heading: 'You are signed in',
        paragraphs: [
          page.application === undefined
            ? 'Your agent can go on now.'
            : `Your agent can now use ${strong(page.application)} as you.`,
          ...(page.issuer === undefined ? [] : [`You signed in at ${strong(page.issuer)}.`]),
          ...(page.message === undefined ? [] : [escapeHtml(page.message)]),
        ],
        last: 'You can close this tab.',
      });
    case 'failed':
      return render({
        look: 'failed',
        mark: cross,
        heading: 'The sign-in failed',
        paragraphs: [
          ...(page.application === undefined
            ? []
            : [`You were signing in to ${strong(page.application)}.`]),
          escapeHtml(page.message ?? 'Your agent can tell you what happened.'),
        ],
        last: 'You can close this tab and go back to your agent.',
      });
    case 'not_ours':
      return notOursPage;
  }
}

const notOursPage = render({
  look: 'quiet',
  mark: bar,
  heading: 'No sign-in is waiting for this page',
  paragraphs: [
    'It may have been completed already, or it may have expired. If your agent still asks you to sign in, open the latest address that it gave you.',
  ],
  last: 'You can close this tab.',
});

/** When handling the callback failed in an unexpected way. */
export const brokenPage = render({
  look: 'failed',
  mark: cross,
  heading: 'Something went wrong here',
  paragraphs: ['The sign-in could not be completed. Ask your agent to sign in again.'],
  last: 'You can close this tab and go back to your agent.',
});

/** For a program that runs as another user. */
export const strangerPage = render({
  look: 'failed',
  mark: cross,
  heading: 'This sign-in belongs to another user',
  paragraphs: [
    'A program that runs as another user of this computer opened its address. If this is your sign-in, open the address that your agent shows you.',
  ],
  last: 'You can close this tab.',
});

export const usedPage = render({
  look: 'quiet',
  mark: bar,
  heading: 'This address has already been used',
  paragraphs: [
    'It works only once. If you are not signed in yet, open the address that your agent shows you.',
  ],
  last: 'You can close this tab.',
});

interface Parts {
  readonly look: 'signed-in' | 'failed' | 'quiet';
  readonly mark: string;
  readonly heading: string;
  /** HTML. */
  readonly paragraphs: readonly string[];
  readonly last: string;
}

function render({ look, mark, heading, paragraphs, last }: Parts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${heading}</title>
<style>${style}</style>
</head>
<body class="${look}">
<main>
<svg class="mark" viewBox="0 0 48 48" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="${mark}"/></svg>
<h1>${heading}</h1>
${paragraphs.map((text) => `<p>${text}</p>`).join('\n')}
<p>${last}</p>
<footer>cloudflare-access-mcp, running on this computer</footer>
</main>
</body>
</html>
`;
}

function strong(text: string): string {
  return `<strong>${escapeHtml(text)}</strong>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  // Bidirectional marks could make one host look like another.
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ')
    .replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
