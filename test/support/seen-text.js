// Runs in a page (seen-words.ts): the text that is laid out, boxes and links told apart by spaces.

// biome-ignore lint/correctness/noUnusedVariables: it is read as text
function seenText({ within, without, reveal }) {
  const parts = [];
  for (const each of reveal ? document.querySelectorAll(reveal) : []) each.style.display = 'block';

  function walk(node) {
    if (node.nodeType === Node.TEXT_NODE) {
      parts.push(node.textContent);
      return;
    }
    if (!(node instanceof Element)) return;
    if (node instanceof HTMLTextAreaElement && !node.matches(without)) {
      parts.push(' ', node.value, ' ');
      return;
    }
    if (/^(?:script|style|noscript|template|title|desc|metadata|textarea)$/i.test(node.tagName))
      return;
    if (node.matches(without)) return;
    const isShown = node.tagName === 'SLOT' || node.checkVisibility({ visibilityProperty: true });
    if (!isShown) return;
    const stands = !getComputedStyle(node).display.startsWith('inline');
    const space = stands || /^(?:a|br|img|text|tspan)$/i.test(node.tagName) ? ' ' : '';
    const assigned = node instanceof HTMLSlotElement ? node.assignedNodes() : [];
    parts.push(space);
    for (const each of assigned.length > 0 ? assigned : (node.shadowRoot ?? node).childNodes) {
      walk(each);
    }
    parts.push(space);
  }

  const selector = within.find((each) => document.querySelector(each));
  for (const root of selector ? document.querySelectorAll(selector) : []) walk(root);
  return parts.join('');
}
