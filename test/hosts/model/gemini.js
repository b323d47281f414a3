// Google's generateContent, whole and streamed.
import { sse } from './events.js';

/** @type {import('./server.js').Provider} */
export const gemini = {
  path: /:(?:stream)?[gG]enerateContent$/,
  streams: (_, path) => path.endsWith(':streamGenerateContent'),
  read({ tools = [], contents = [] }) {
    const parts = contents.flatMap((content) => content.parts ?? []);
    return {
      tools: tools
        .flatMap(({ functionDeclarations = [] }) => functionDeclarations)
        .map(({ name }) => name),
      results: parts
        .filter(({ functionResponse }) => functionResponse)
        .map(({ functionResponse: { name, response } }) => ({
          name,
          text: typeof response.output === 'string' ? response.output : JSON.stringify(response),
        })),
    };
  },
  answer: (move) => answerOf(move),
  stream: (move) => sse(undefined, answerOf(move)),
};

function answerOf(move) {
  const part =
    'text' in move
      ? { text: move.text }
      : { functionCall: { name: move.name, args: move.args }, thoughtSignature: 'c2NyaXB0ZWQ=' };
  return {
    candidates: [{ index: 0, content: { role: 'model', parts: [part] }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
    modelVersion: 'scripted',
  };
}
