/** The frame of every page that a person sees: one card, no script, light and dark. */
import type { Answer, Fields } from './answer.ts';

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** `content` is HTML already. */
export function page(status: number, title: string, content: string, headers: Fields = {}): Answer {
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      // No form-action: browsers would apply it to the redirect that follows the form, too.
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
      'referrer-policy': 'same-origin',
      ...headers,
    },
    body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${content}
</main>
<footer>A local Cloudflare Access, to try things out. No real account is involved.</footer>
</body>
</html>
`,
  };
}

/** A page with a heading and one message. */
export function notice(status: number, title: string, message: string, headers?: Fields): Answer {
  const content = `<h1>${escapeHtml(title)}</h1>\n<p>${escapeHtml(message)}</p>`;
  return page(status, title, content, headers);
}

const style = `
:root{color-scheme:light dark;--ink:#1d2129;--soft:#5b6472;--card:#fff;--ground:#f3f4f6;--line:#d9dde3;--accent:#c2410c;--hover:#fff7ed}
@media (prefers-color-scheme:dark){:root{--ink:#eceef2;--soft:#a3abb8;--card:#1e2229;--ground:#13161b;--line:#363c46;--accent:#fb923c;--hover:#2a2622}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:1.25rem;padding:1.5rem;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:25rem;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:.9rem;box-shadow:0 1px 3px #0002}
h1{margin:0 0 .5rem;font-size:1.35rem;line-height:1.25}
p{margin:0 0 1.25rem;color:var(--soft);overflow-wrap:anywhere}
p:last-child{margin-bottom:0}
b{color:var(--ink);font-weight:600}
form{display:grid;gap:.6rem}
button,input{font:inherit;color:inherit;width:100%;padding:.7rem .9rem;border:1px solid var(--line);border-radius:.6rem;background:transparent}
button{display:flex;align-items:center;gap:.75rem;text-align:left;cursor:pointer}
button:hover{background:var(--hover);border-color:var(--accent)}
button:focus-visible,input:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
button i{flex:none;width:1.75rem;height:1.75rem;border-radius:50%;background:var(--accent);color:var(--card);font:600 .9rem/1.75rem system-ui,sans-serif;text-align:center}
button.plain{justify-content:center;border-color:transparent;color:var(--soft)}
button.main{justify-content:center;border-color:var(--accent)}
footer{max-width:25rem;text-wrap:balance;color:var(--soft);font-size:.8rem;text-align:center}
`;
