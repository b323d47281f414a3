// A scripted model behind each provider's API: plays tool calls in order, whoever asks. What it was
// shown is kept, since that is what would leave the machine.
import { createServer } from 'node:http';
import { anthropic } from './anthropic.js';
import { chat } from './chat.js';
import { gemini } from './gemini.js';
import { responses } from './responses.js';

const providers = [anthropic, chat, responses, gemini];

/**
 * What a provider's request says, whatever its shape: the names of the tools on offer, and what the
 * model has been shown of the calls that it has made, in order.
 *
 * @typedef {{ tools: string[], results: { name: string, text: string }[] }} Conversation
 * @typedef {{ name: string, args: object } | { text: string }} Move
 * @typedef {{ path: RegExp, read: (body: any) => Conversation, answer: (move: Move, body: any) => object, stream: (move: Move, body: any) => string, streams: (body: any, path: string) => boolean }} Provider
 */

/** @param {(conversation: Conversation) => Promise<Move>} play */
export async function startModel(play) {
  /** @type {{ path: string, body: any }[]} */
  const shown = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const path = new URL(request.url ?? '', 'http://localhost').pathname;
    const provider = providers.find((each) => each.path.test(path));
    if (request.method !== 'POST' || provider === undefined) {
      // Tokens counted, models listed, telemetry: nothing hangs on these.
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"input_tokens":1,"totalTokens":1,"data":[],"models":[]}');
      return;
    }
    const body = JSON.parse(text);
    shown.push({ path, body });
    const move = await play(provider.read(body));
    if (provider.streams(body, path)) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(provider.stream(move, body));
    } else {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(provider.answer(move, body)));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    origin: `http://127.0.0.1:${address.port}`,
    shown,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
