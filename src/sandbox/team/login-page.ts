/**
 * The login page: one button for each person, and one to decline. Its form posts to the page's own
 * address, so that opening the address again always starts afresh and no state is stored in between.
 */
import type { Answer } from '../server/answer.ts';
import { escapeHtml, page } from '../server/page.ts';
import type { Received } from '../server/received.ts';

export interface LoginPrompt {
  /** Where the person is going. */
  readonly application: { readonly title: string; readonly url: URL };
  /** The OAuth client's name; absent when the person visits the application in the browser. */
  readonly client?: string;
  readonly people: readonly string[];
}

export function loginPage({ application, client, people }: LoginPrompt): Answer {
  const to = `<b>${escapeHtml(application.title)}</b> (${escapeHtml(application.url.host)})`;
  const asks =
    client === undefined
      ? `To continue to ${to}.`
      : `<b>${escapeHtml(client)}</b> asks to use ${to} as you.`;
  const buttons = people.map((email) => {
    const name = escapeHtml(email);
    const initial = escapeHtml(email.slice(0, 1).toUpperCase());
    return `<button name="person" value="${name}" data-person="${name}"><i aria-hidden="true">${initial}</i>${name}</button>`;
  });
  return page(
    200,
    'Sign in to Sandbox',
    `<h1>Sign in to Sandbox</h1>
<p>${asks}</p>
<form method="post">
${buttons.join('\n')}
<button class="plain" name="decline" value="1">Decline</button>
</form>`,
  );
}

/** The submitted choice; undefined when the page has no such button. */
export function readLogin(
  request: Received,
  people: readonly string[],
): { person: string } | 'declined' | undefined {
  const form = new URLSearchParams(request.body.toString());
  if (form.has('decline')) return 'declined';
  const person = form.get('person');
  return person !== null && people.includes(person) ? { person } : undefined;
}

/** Whether another site submitted the form; the browser tells its origin. */
export function fromElsewhere(request: Received): boolean {
  const { origin } = request.headers;
  const names = ['localhost', '127.0.0.1', '[::1]'].map((n) => `http://${n}:${request.url.port}`);
  return origin !== undefined && !names.includes(String(origin));
}
