/**
 * What the tests' browser does with the address that it is started with: asks it as a browser asks for
 * an address from its command line, and writes down where it is led. `FILE ADDRESS`.
 */
import { appendFileSync } from 'node:fs';
import { get } from 'node:http';

const [file = '', address = ''] = process.argv.slice(2);
get(
  address,
  {
    agent: false,
    headers: {
      'sec-fetch-site': 'none',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    },
  },
  (answer) => {
    answer.resume();
    const { location } = answer.headers;
    appendFileSync(file, `${location ?? `${answer.statusCode} from ${address}`}\n`);
  },
).on('error', ({ code }) => appendFileSync(file, `${code} from ${address}\n`));
