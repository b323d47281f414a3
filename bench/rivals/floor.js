/** The least that a Node script can do: the two messages answered by hand, with an answer of our size. */
import { readFileSync } from 'node:fs';

const { initialize, lists } = JSON.parse(
  readFileSync(new URL('../../dist/handshake.json', import.meta.url), 'utf8'),
);
let text = '';
process.stdin.on('data', (chunk) => {
  text += chunk;
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
    const { id, method } = JSON.parse(text.slice(0, end));
    text = text.slice(end + 1);
    const result = method === 'initialize' ? initialize : lists[method];
    if (id !== undefined)
      process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);
  }
});
