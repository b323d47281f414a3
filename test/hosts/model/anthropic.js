// Anthropic's Messages API.
import { freshId, sse, textOf } from './events.js';

/** @type {import('./server.js').Provider} */
export const anthropic = {
  path: /\/v1\/messages$/,
  streams: ({ stream }) => stream === true,
  read({ tools = [], messages }) {
    const names = new Map();
    const results = [];
    for (const { content } of messages) {
      for (const block of Array.isArray(content) ? content : []) {
        if (block.type === 'tool_use') names.set(block.id, block.name);
        if (block.type !== 'tool_result') continue;
        results.push({ name: names.get(block.tool_use_id) ?? '', text: textOf(block.content) });
      }
    }
    return { tools: tools.map(({ name }) => name), results };
  },
  answer: (move, { model }) => ({
    ...head(model),
    content: [blockOf(move)],
    stop_reason: 'text' in move ? 'end_turn' : 'tool_use',
  }),
  stream(move, { model }) {
    const block = blockOf(move);
    const isText = block.type === 'text';
    const delta = isText
      ? { type: 'text_delta', text: block.text }
      : { type: 'input_json_delta', partial_json: JSON.stringify(block.input) };
    const start = isText ? { ...block, text: '' } : { ...block, input: {} };
    return [
      ['message_start', { message: { ...head(model), content: [], stop_reason: null } }],
      ['content_block_start', { index: 0, content_block: start }],
      ['content_block_delta', { index: 0, delta }],
      ['content_block_stop', { index: 0 }],
      [
        'message_delta',
        {
          delta: { stop_reason: isText ? 'end_turn' : 'tool_use', stop_sequence: null },
          usage: { output_tokens: 1 },
        },
      ],
      ['message_stop', {}],
    ]
      .map(([type, data]) => sse(type, { type, ...data }))
      .join('');
  },
};

function head(model) {
  const usage = { input_tokens: 1, output_tokens: 1 };
  return { id: freshId('msg'), type: 'message', role: 'assistant', model, usage };
}

function blockOf(move) {
  if ('text' in move) return { type: 'text', text: move.text };
  return { type: 'tool_use', id: freshId('toolu'), name: move.name, input: move.args };
}
