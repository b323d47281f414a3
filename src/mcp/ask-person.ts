/** Shows a sign-in to the person: through the host if it supports that, else in the machine's browser. */
import type { Browser } from '../session/ports.ts';
import type { AskPerson } from '../sign-in/waiting.ts';
import type { HostCapabilities } from './host-capabilities.ts';

/**
 * Milliseconds; nobody reads a question and declines faster than this. Codex declares URL elicitation and
 * declines within 6 ms without showing anything (openai/codex#45776); `claude -p` cancels after 14.
 */
const fastestRefusalMs = 500;

export function askThrough(
  { elicitUrl, hasAnswered }: HostCapabilities,
  browser: Browser,
): AskPerson {
  const openBrowser: AskPerson = async ({ url }) =>
    url !== undefined && (await browser.open(url)) ? 'shown' : 'unavailable';
  if (elicitUrl === undefined) return openBrowser;
  const ask: AskPerson = async ({ url, ...request }) => {
    if (url === undefined) return 'unavailable';
    const answer = await elicitUrl({ ...request, url }).catch(() => undefined);
    if (answer === 'later') return 'later';
    if (answer === 'over' || answer?.action === 'accept') return 'shown';
    // Either the host declined without asking, or it could not ask at all: the person has seen nothing.
    if (answer === undefined || answer.tookMs < fastestRefusalMs) {
      return openBrowser({ ...request, url });
    }
    // Dismissed without an answer: the person can still use the address in the result.
    return answer.action === 'decline' ? 'declined' : 'unavailable';
  };
  return hasAnswered ? Object.assign(ask, { hasAnswered }) : ask;
}
