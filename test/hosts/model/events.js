// Server-sent events, and the text in a tool's result.

/** @param {string | undefined} event @param {object | string} data */
export function sse(event, data) {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`;
}

/** What is text in content that may be a string, a block, or blocks within blocks. */
export function textOf(content) {
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map(textOf).join('\n');
  if (typeof content !== 'object' || content === null) return '';
  return textOf(content.text ?? content.content ?? content.output ?? '');
}

let count = 0;
export function freshId(prefix) {
  count += 1;
  return `${prefix}_${String(count).padStart(6, '0')}`;
}
