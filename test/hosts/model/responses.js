// OpenAI's Responses API. Tools may stand in namespaces, whose name is sent beside the tool's own.
import { freshId, sse, textOf } from './events.js';

/** @type {import('./server.js').Provider} */
export const responses = {
  path: /\/responses$/,
  streams: ({ stream }) => stream === true,
  read({ tools = [], input }) {
    const names = new Map();
    const results = [];
    for (const item of Array.isArray(input) ? input : []) {
      if (item.type === 'function_call') names.set(item.call_id, item.name);
      if (item.type !== 'function_call_output') continue;
      results.push({ name: names.get(item.call_id) ?? '', text: textOf(item.output) });
    }
    return { tools: tools.flatMap(namesOf), results };
  },
  answer: (move, { model }) => finished(model, itemOf(move)),
  stream(move, { model }) {
    const item = itemOf(move);
    const response = finished(model, item);
    return [
      ['response.created', { response: { ...response, status: 'in_progress', output: [] } }],
      ['response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress' } }],
      ['response.output_item.done', { output_index: 0, item }],
      ['response.completed', { response }],
    ]
      .map(([type, data], sequence_number) => sse(type, { type, sequence_number, ...data }))
      .join('');
  },
};

const separator = '::';

function namesOf(tool) {
  if (tool.type !== 'namespace') return [tool.name ?? ''];
  return (tool.tools ?? []).map(({ name }) => `${tool.name}${separator}${name}`);
}

function finished(model, item) {
  const usage = {
    input_tokens: 1,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 1,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 2,
  };
  return {
    id: freshId('resp'),
    object: 'response',
    created_at: 1,
    status: 'completed',
    model,
    output: [item],
    usage,
  };
}

function itemOf(move) {
  if ('text' in move) {
    const content = [{ type: 'output_text', text: move.text, annotations: [] }];
    return { type: 'message', id: freshId('msg'), role: 'assistant', status: 'completed', content };
  }
  const [namespace, name] = move.name.includes(separator)
    ? move.name.split(separator)
    : [undefined, move.name];
  return {
    type: 'function_call',
    id: freshId('fc'),
    call_id: freshId('call'),
    name,
    ...(namespace === undefined ? {} : { namespace }),
    arguments: JSON.stringify(move.args),
    status: 'completed',
  };
}
