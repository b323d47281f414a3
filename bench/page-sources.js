/** Pages of a wanted size: of the kinds that people have, and of those that no converter should meet. */

const section = (number) => `
<section><h2 id="s${number}">${number}. Moving the service</h2>
<p>Before <b>anything</b> else, read the <a href="/wiki/runbook?page=${number}&amp;view=full">runbook</a> and
set <code>MAX_RETRY_COUNT</code> to ${number}. The <em>old</em> machines stay up until Thursday; ask
<a href="mailto:ops@example.com">ops@example.com</a> about the rest, and note what was done below.</p>
<ul><li>stop the queue</li><li>copy <code>/var/lib/queue</code> (${number} GB)</li><li>start it <strong>there</strong></li></ul>
<pre><code class="language-sh">systemctl stop queue
rsync -a /var/lib/queue/ new-${number}:/var/lib/queue/
    # some minutes
</code></pre>
<table><thead><tr><th>Host</th><th>Rack</th><th>State</th></tr></thead><tbody>
<tr><td><a href="/hosts/${number}">build-${number}</a></td><td>B${number % 40}</td><td>moved</td></tr>
<tr><td><a href="/hosts/${number}-b">build-${number}-b</a></td><td>B${number % 40}</td><td>to be moved on Thursday</td></tr>
</tbody></table></section>`;

/** @param {number} length in characters, roughly */
export function documentation(length) {
  const parts = ['<!doctype html><title>Moving</title><main><h1>Moving</h1>'];
  for (let number = 1, size = 0; size < length; number += 1) {
    parts.push(section(number));
    size += parts.at(-1)?.length ?? 0;
  }
  return `${parts.join('')}</main>`;
}

/** @type {Record<string, string>} */
export const pages = {
  '600 kB of documentation': documentation(600_000),
  '20 kB of documentation': documentation(20_000),
  'lists 200 deep': `${'<ul><li>'.repeat(200)}${'x<br>'.repeat(20_000)}`,
  'boxes 5000 deep': `${'<div>'.repeat(5000)}x`,
  'spans 500 deep': `<p>${'<span>'.repeat(500)}${'x<br>'.repeat(20_000)}`,
};
