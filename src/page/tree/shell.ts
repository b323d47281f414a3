/**
 * Pages that are empty until their scripts run: recognises them, and finds what in the page may lead to
 * the data that the scripts would fetch.
 */
import { quoteServerText } from '../../server-text.ts';
import { attribute, type Element, isElement, isText, type Parent } from './html-tree.ts';

const maxAddresses = 5;
const maxScriptLength = 200_000;
/**
 * Data embedded in the page, such as Next.js's, is worth mentioning from this length on, in UTF-16 units.
 */
const enoughData = 200;

const keyed =
  /["']?(?:base_?url|api\w{0,20}|\w{0,20}_?api_?(?:url|base|root|host)|endpoint|graphql\w{0,20}|url|spec_?url)["']?\s{0,5}[:=]\s{0,5}["']([^"'\s<>\\]{1,300})["']/gi;
const pathed =
  /["'`]((?:https?:\/\/[^"'`\s<>\\/]{1,100})?\/(?:[\w.-]{1,50}\/){0,4}(?:api|graphql|rest|openapi\.(?:json|ya?ml)|swagger\.(?:json|ya?ml)|api-docs)(?:\/[^"'`\s<>\\]{0,200})?)["'`]/g;

export interface Scripts {
  /** Whether there is any script that could produce content. */
  readonly isThere: boolean;
  /** As written in the page. */
  readonly addresses: readonly string[];
  /** Ids of the elements that hold data. */
  readonly data: readonly string[];
}

export function scriptsOf(document: Parent): Scripts {
  const addresses = new Set<string>();
  const data: string[] = [];
  let isThere = false;
  const add = (address: string | undefined) => {
    if (address && addresses.size < maxAddresses && isAddress(address)) addresses.add(address);
  };
  const walk = (parent: Parent, depth: number) => {
    for (const node of parent.childNodes) {
      if (!isElement(node)) continue;
      if (node.tagName === 'link' && isData(node)) add(attribute(node, 'href'));
      const page = attribute(node, 'data-page');
      if (page && page.length >= enoughData) data.push(`#${attribute(node, 'id') ?? ''}`);
      if (node.tagName !== 'script') {
        if (depth < 20) walk(node, depth + 1);
        continue;
      }
      const source = sourceOf(node);
      if (!/json|config/i.test(attribute(node, 'type') ?? '')) isThere = true;
      else if (source.length >= enoughData) data.push(`#${attribute(node, 'id') ?? ''}`);
      for (const pattern of [keyed, pathed]) {
        for (const [, address] of source.matchAll(pattern)) add(address);
      }
    }
  };
  walk(document, 0);
  return { isThere, addresses: [...addresses], data: data.filter((id) => id !== '#') };
}

/** What an agent can do instead of running the scripts. */
export function shellNote(
  { addresses, data }: Scripts,
  absolute: (reference: string) => string | undefined,
): string {
  const known = addresses.flatMap((each) => absolute(each) ?? []);
  const way =
    known.length > 0
      ? ` Ask the application’s API: the page names ${known.map((each) => quoteServerText(each)).join(', ')}.`
      : ' Look for the application’s API, or for the same content elsewhere.';
  const inside =
    data.length > 0
      ? ` The page holds data in ${data
          .slice(0, 3)
          .map((each) => quoteServerText(each))
          .join(', ')}: format "raw" gives it.`
      : '';
  return `The page has next to no content until its scripts run, and none are run here.${inside}${way}`;
}

function isData(link: Element): boolean {
  const rel = attribute(link, 'rel')?.toLowerCase() ?? '';
  return (
    /^(?:service-desc|service|describedby)$/.test(rel) ||
    (rel === 'preload' && attribute(link, 'as') === 'fetch') ||
    (rel === 'alternate' && /json|xml/.test(attribute(link, 'type') ?? ''))
  );
}

function sourceOf(script: Element): string {
  const [words] = script.childNodes;
  return words && isText(words) ? words.value.slice(0, maxScriptLength) : '';
}

/** Filters what `keyed` and `pathed` found, because a key such as `api` may have any value. */
function isAddress(text: string): boolean {
  return (
    /^(?:https?:\/\/|\.{0,2}\/(?!\/)|[\w-]+\.(?:json|ya?ml)\b)/.test(text) &&
    !/\.(?:js|css|png|svg|ico|woff2?|map)(?:$|\?)/i.test(text)
  );
}
