/** The page that the origin behind the applications serves. */
import type { Answer } from '../server/answer.ts';
import { escapeHtml } from '../server/page.ts';

export function wiki(email: string | string[] | undefined): Answer {
  const reader = email === undefined ? 'Nobody is signed in.' : `You are ${String(email)}.`;
  return {
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Internal wiki</title></head>
<body>
<h1>Internal wiki</h1>
<p>${escapeHtml(reader)}</p>
<h2>On call</h2>
<table>
<thead><tr><th>Week</th><th>Person</th></tr></thead>
<tbody>
<tr><td>46</td><td>Ada</td></tr>
<tr><td>47</td><td>Grace</td></tr>
</tbody>
</table>
<p>More in the <a href="/wiki/handbook">handbook</a>.</p>
</body>
</html>
`,
  };
}
