// OpenAI's Chat Completions API, and all that speak it.
import { freshId, sse, textOf } from './events.js';

/** @type {import('./server.js').Provider} */
export const chat = {
  path: /\/chat\/completions$/,
  streams: ({ stream }) => stream === true,
  read({ tools = [], messages }) {
    const names = new Map();
    const results = [];
    for (const { role, tool_calls, tool_call_id, content } of messages) {
      for (const call of tool_calls ?? []) names.set(call.id, call.function.name);
      if (role === 'tool') {
        results.push({ name: names.get(tool_call_id) ?? '', text: textOf(content) });
      }
    }
    return { tools: tools.map((tool) => tool.function?.name ?? ''), results };
  },
  answer: (move, { model }) => ({
    ...head(model, 'chat.completion'),
    choices: [{ index: 0, message: messageOf(move), finish_reason: reasonOf(move) }],
  }),
  stream(move, { model }) {
    const chunk = head(model, 'chat.completion.chunk');
    const piece = (delta, finish_reason) =>
      sse(undefined, { ...chunk, choices: [{ index: 0, delta, finish_reason }] });
    return `${piece(messageOf(move), null)}${piece({}, reasonOf(move))}${sse(undefined, '[DONE]')}`;
  },
};

function head(model, object) {
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  return { id: freshId('chatcmpl'), object, created: 1, model, usage };
}

function messageOf(move) {
  if ('text' in move) return { role: 'assistant', content: move.text };
  const call = { name: move.name, arguments: JSON.stringify(move.args) };
  return {
    role: 'assistant',
    content: null,
    tool_calls: [{ index: 0, id: freshId('call'), type: 'function', function: call }],
  };
}

function reasonOf(move) {
  return 'text' in move ? 'stop' : 'tool_calls';
}
