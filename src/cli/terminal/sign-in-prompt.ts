/** Shows a sign-in to the person at the terminal: its address, and how long it has been waiting. */
import type { Rooms } from '../../rooms.ts';
import { shownUrl } from '../../shown-url.ts';
import type { SignIn } from '../../sign-in/sign-in.ts';
import type { AskPerson } from '../../sign-in/waiting.ts';
import { loginCommand } from './command-lines.ts';
import type { Shell } from './shell.ts';

export interface SignInPrompt {
  readonly askPerson: AskPerson;
  readonly onWaiting: (message: string) => void;
  readonly onJoined: (signIn: SignIn) => void;
  /** Clears the progress line. */
  done(): void;
}

/**
 * Prints the address on stderr in addition to opening the browser, so that one of the two reaches the
 * person. Without `browser`, it is only printed. `pastes`: the callback address can be pasted into this
 * terminal.
 */
export function createSignInPrompt(
  { err }: Shell,
  rooms: Rooms,
  { browser = true, pastes = false }: { browser?: boolean; pastes?: boolean } = {},
): SignInPrompt {
  let waiting = false;
  const done = (): void => {
    if (waiting) err.write('\r\u001b[K');
    waiting = false;
  };
  return {
    done,
    async askPerson({ url, message }) {
      done();
      err.line(message);
      if (url === undefined) return 'shown';
      err.line(`  ${err.paint('cyan', shownUrl(url))}`);
      if (!browser) return 'shown';
      const opened = await rooms.browser.open(url);
      done();
      err.line(
        opened
          ? err.paint('dim', 'It is open in your browser.')
          : err.paint('yellow', 'No browser could be opened here: open this address yourself.'),
      );
      if (pastes) {
        const hint =
          'If you open it in a browser on another machine, it ends at an http://localhost address that does not load: paste that address here and press Enter.';
        err.line(err.paint('dim', hint));
      }
      return 'shown';
    },
    onWaiting(message) {
      if (!err.isTerminal) return;
      waiting = true;
      err.write(`\r\u001b[K${err.paint('dim', message.slice(0, err.width - 1))}`);
    },
    onJoined({ resource, authorizationUrl }) {
      done();
      const already = `A sign-in for ${new URL(resource).host} is already open`;
      if (authorizationUrl === undefined) {
        err.line(`${already} in another process: finish it in your browser.`);
        const afresh = loginCommand(resource, ['--force']);
        err.line(err.paint('dim', `If its page is gone, this opens another: ${afresh}`));
        return;
      }
      err.line(`${already}:`);
      err.line(`  ${err.paint('cyan', authorizationUrl)}`);
    },
  };
}
