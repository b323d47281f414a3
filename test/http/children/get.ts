/** Gets the URL in argv and writes the body to stdout, in a process with an environment of its own. */
import { readBody } from '../../../src/http/body.ts';
import { createDispatcher } from '../../../src/http/dispatcher.ts';
import { createSend } from '../../../src/http/send.ts';
import { inTime } from '../../support/in-time.ts';

const dispatcher = createDispatcher({});
const answer = await createSend(dispatcher)({
  method: 'GET',
  url: new URL(process.argv[2] ?? ''),
  signal: inTime(),
  headers: [],
});
process.stdout.write((await readBody(answer, { maxBytes: 1e6 })).bytes);
await dispatcher.close();
