/**
 * Describes forms, so that a reader knows what can be filled in and sent: names, types, current values,
 * options.
 */
import type { PhrasingContent } from 'mdast';
import { attribute, type Element, isElement, type Node } from '../tree/html-tree.ts';
import { collapse, fetched, holdsLines, type PageContext, spokenName, wordsOf } from './context.ts';

const controls = new Set(['button', 'input', 'meter', 'progress', 'select', 'textarea']);
const maxOptions = 30;
const maxValueLength = 200;
const maxTextLength = 10_000;

export function isControl({ tagName }: Element): boolean {
  return controls.has(tagName);
}

export function control(element: Element, context: PageContext): PhrasingContent[] {
  switch (element.tagName) {
    case 'button':
      return button(
        wordsOf(element, context, maxValueLength) || spokenName(element, context),
        element,
        context,
      );
    case 'meter':
    case 'progress':
      return words(wordsOf(element, context, 100) || share(element));
    case 'select':
      return field(element, choices(element, context), context);
    case 'textarea': {
      // A multi-line value is written below the field.
      const value = holdsLines(element) ? '' : wordsOf(element, context, maxTextLength);
      return attribute(element, 'name')
        ? field(element, ['text', ...present(value)], context)
        : words(value);
    }
    default:
      return input(element, context);
  }
}

/** The line above a form's content; `undefined` for a form without fields. */
export function formLine(form: Element, context: PageContext): PhrasingContent[] | undefined {
  const fields = inputsOf(form, context);
  if (fields.length === 0) return undefined;
  const url = context.address(attribute(form, 'action') || '?', fetched) ?? '';
  const method = attribute(form, 'method')?.toUpperCase() === 'POST' ? 'POST' : 'GET';
  const hidden = fields
    .filter((each) => attribute(each, 'type')?.toLowerCase() === 'hidden')
    .map((each) => clean(attribute(each, 'name'), context))
    .filter((name) => name !== '');
  const list =
    hidden.length > 0 ? `, with hidden fields ${hidden.slice(0, maxOptions).join(', ')}` : '';
  if (!attribute(form, 'action')) return words(`Form: ${method}${list}`);
  // As code, because it is meant to be copied, and in text some of its characters would be escaped.
  return [...words(`Form: ${method} to `), { type: 'inlineCode', value: url }, ...words(list)];
}

function input(element: Element, context: PageContext): PhrasingContent[] {
  const type = attribute(element, 'type')?.trim().toLowerCase() ?? 'text';
  const value = clean(attribute(element, 'value'), context);
  switch (type) {
    case 'hidden':
      return [];
    case 'submit':
      return button(value || 'Submit', element, context);
    case 'button':
    case 'reset':
      return button(value, element, context);
    case 'image':
      return button(spokenName(element, context) || 'Submit', element, context);
    case 'checkbox':
    case 'radio': {
      const ticked = attribute(element, 'checked') === undefined ? [] : ['ticked'];
      return field(
        element,
        [type, ...(type === 'radio' && value ? [`value “${value}”`] : []), ...ticked],
        context,
      );
    }
    case 'password':
      return field(element, [type], context);
    default:
      return field(element, [type, ...present(value)], context);
  }
}

function field(
  element: Element,
  about: readonly string[],
  context: PageContext,
): PhrasingContent[] {
  const name = clean(attribute(element, 'name'), context);
  // A field without a name is not sent: it is only used by scripts.
  if (name === '') return [];
  const required = attribute(element, 'required') === undefined ? [] : ['required'];
  return [
    ...words(' '),
    { type: 'inlineCode', value: name },
    ...words(` (${[...about, ...required].join(', ')}) `),
  ];
}

function button(label: string, element: Element, context: PageContext): PhrasingContent[] {
  if (label === '') return [];
  if (!context.inForm || context.inHeading) return words(label);
  const name = clean(attribute(element, 'name'), context);
  const value = clean(attribute(element, 'value'), context);
  const sends = name === '' ? 'button' : `button, sends ${name}=${value}`;
  return [
    ...words(' '),
    { type: 'strong', children: [{ type: 'text', value: label }] },
    ...words(` (${sends}) `),
  ];
}

function choices(element: Element, context: PageContext): string[] {
  const options: string[] = [];
  const walk = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      if (!isElement(node)) continue;
      if (node.tagName !== 'option') walk(node.childNodes);
      else {
        const label = wordsOf(node, context, 100) || clean(attribute(node, 'label'), context);
        const value = clean(attribute(node, 'value'), context);
        const sent = value !== '' && value !== label ? `${label} = ${value}` : label;
        if (sent !== '')
          options.push(attribute(node, 'selected') === undefined ? sent : `${sent} (chosen)`);
      }
    }
  };
  walk(element.childNodes);
  const more = options.length > maxOptions ? [`… ${options.length - maxOptions} more`] : [];
  const kind = attribute(element, 'multiple') === undefined ? 'one of' : 'any of';
  return [`${kind}: ${[...options.slice(0, maxOptions), ...more].join(' | ')}`];
}

function inputsOf(form: Element, { allowance }: PageContext): Element[] {
  const found: Element[] = [];
  const walk = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      allowance.look();
      if (!isElement(node)) continue;
      if (isControl(node)) found.push(node);
      else walk(node.childNodes);
    }
  };
  walk(form.childNodes);
  return found;
}

function share(element: Element): string {
  const value = Number.parseFloat(attribute(element, 'value') ?? '');
  const most = Number.parseFloat(attribute(element, 'max') ?? '1');
  return Number.isFinite(value) && most > 0 ? `${Math.round((value / most) * 100)}%` : '';
}

function present(value: string): string[] {
  return value === '' ? [] : [`now “${value}”`];
}

function clean(value: string | undefined, context: PageContext): string {
  const whole = collapse(context.conceal(value?.slice(0, 1000) ?? '')).trim();
  return whole.length > maxValueLength ? `${whole.slice(0, maxValueLength)}…` : whole;
}

function words(value: string): PhrasingContent[] {
  return value === '' ? [] : [{ type: 'text', value }];
}
