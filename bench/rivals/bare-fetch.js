/** The least that a Node script can do: the same request with the same header, the answer to stdout. `URL TOKEN`. */
import { get } from 'node:http';

const [url, token] = process.argv.slice(2);
get(url, { headers: { authorization: `Bearer ${token}` } }, (answer) => {
  answer.pipe(process.stdout);
});
