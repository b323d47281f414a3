/**
 * The person's browser: opens the address that it was started with, is led from there to the sign-in, and
 * follows that to the callback. The suites ask nobody.
 */
import { get } from 'node:http';

const address = process.argv[2] ?? '';
/** As a browser asks for an address from its command line; `fetch` says that it is a script. */
const headers = {
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
};
get(address, { agent: false, headers }, async ({ headers: { location } }) => {
  const answer = await fetch(location ?? address, { headers: { accept: 'text/html' } });
  await answer.text();
});
