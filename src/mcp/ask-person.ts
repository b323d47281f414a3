/** How a person is shown a sign-in: by the host where it can, else in the machine's browser. */
import type { Browser } from '../session/ports.ts';
import type { AskPerson } from '../sign-in/waiting.ts';
import type { HostCapabilities } from './host-capabilities.ts';

/**
 * Nobody reads a question and says no this fast (milliseconds). Codex declares URL elicitation and
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
    // The host's own refusal, or a host that could not ask at all: the person has seen nothing.
    if (answer === undefined || answer.tookMs < fastestRefusalMs) {
      return openBrowser({ ...request, url });
    }
    // Dismissed without an answer: the address in the result is still theirs to use.
    return answer.action === 'decline' ? 'declined' : 'unavailable';
  };
  return hasAnswered ? Object.assign(ask, { hasAnswered }) : ask;
}
