/** The steps of a sign-in as text for the person who signs in. */
import type { Step } from '../../next-step.ts';
import { later } from '../../step-clauses.ts';
import { loginCommand, repeated } from './command-lines.ts';
import { headlessBecauseOf } from './headless.ts';
import type { Reader } from './reader.ts';

export function login(
  { url: about }: Reader,
  url = about?.href,
  flags?: readonly string[],
): string {
  return loginCommand(url, flags);
}

export function signIn(step: Extract<Step, { do: 'sign_in' }>, reader: Reader): string {
  const { url, force, method, not, join, afterSeconds } = step;
  const flags = [...(method === undefined ? [] : [flagFor(method)]), ...(force ? ['--force'] : [])];
  const command = login(reader, url, flags);
  if (join) return `join the sign-in: ${command}`;
  if (method !== 'service_token') {
    const unattended = attended(reader, command);
    if (unattended) return unattended;
  }
  const how = `${not ? ` without ${flagFor(not)}` : ''}${force ? ' afresh' : ''}`;
  return `sign in${afterSeconds === undefined ? '' : ' again'}${how}${later(afterSeconds)}: ${command}`;
}

function flagFor(method: 'browser' | 'device' | 'service_token'): string {
  return method === 'device' ? '--device' : `--method ${method}`;
}

/** If a variable forbids sign-ins, says how to run the command so that it may start one. */
export function attended(reader: Reader, command = login(reader)): string | undefined {
  const why = headlessBecauseOf(reader.environment);
  return why === undefined
    ? undefined
    : `run it with CF_ACCESS_HEADLESS=0 to sign in (${why} is set, so nobody is asked): ${command}`;
}

export function finishSignIn(
  step: Extract<Step, { do: 'finish_sign_in' }>,
  reader: Reader,
): string {
  const { address, code, opened, comesBack, until, join } = step;
  const isCommand = reader.repeats === undefined || reader.repeats === 'command';
  const other = isCommand ? undefined : repeated[reader.repeats ?? 'command'];
  if (other !== undefined && address !== undefined) {
    return `sign in at ${address} if no browser has opened, then ${other}`;
  }
  const isOurs = code !== undefined || address !== undefined;
  if (isCommand && isOurs && !comesBack) {
    // A transfer's key and a device code are never stored.
    return 'this sign-in has ended with this command: run it again, and give it a --wait that is long enough to sign in';
  }
  const show = code
    ? `open ${code.at} in any browser and enter the code ${code.userCode}`
    : address === undefined
      ? 'finish the sign-in that another process has opened in your browser'
      : opened === false
        ? `no browser has been opened. Open this address in any browser: ${address}`
        : `finish the sign-in in your browser, or at this address if none has opened: ${address}`;
  const shown = address === undefined || code ? `${show}.` : show;
  if (other !== undefined) return `${shown} Then ${other}`;
  const copy =
    comesBack && !code
      ? ` If it ends at an http://localhost address that does not load, finish it with ${login(reader, join, ['--callback-url', '<that address>'])}.`
      : '';
  const again =
    join === undefined ? 'run the same command again' : `run ${login(reader, join)} to join it`;
  return `${shown}${copy} Then ${again}; the sign-in stays open until ${until}`;
}

export function avoidSignIn(
  why: Extract<Step, { do: 'avoid_sign_in' }>['why'],
  reader: Reader,
): string | undefined {
  switch (why) {
    case 'untrusted':
      return 'do not sign in there';
    case 'same_answer':
      return 'signing in does not help: the answer would be the same';
    case 'not_asked':
      return 'signing in does not help: the request was refused without asking who it is';
    case 'same_person':
      return 'signing in again as the same person does not help: the answer would be the same';
    case 'not_needed':
      return 'nobody needs to sign in';
    case 'unasked':
    case 'declined':
      return `to try once more: ${login(reader)}`;
  }
}
