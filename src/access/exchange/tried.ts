/** What an exchange may do, and what it has done already. */
import type { WaitOptions } from '../../sign-in/waiting.ts';

export interface ExchangeOptions extends WaitOptions {
  /** If false, a challenge that only a sign-in can answer ends in `sign_in_required`. */
  readonly signIn: boolean;
}

/** What an exchange has tried so far. */
export interface Tried {
  /**
   * Whether a 401 to an application's JWT has been compared with the answer to a request without
   * credentials.
   */
  asStranger: boolean;
  /** Whether the session has been read again, in case another process has stored a newer one. */
  stored: boolean;
  renewal: boolean;
  /** The number of other credentials obtained. */
  authorizations: number;
  /** Whether the last of them comes from a sign-in during this exchange. */
  signedIn: boolean;
}

export function nothingTried(): Tried {
  return { asStranger: false, stored: false, renewal: false, authorizations: 0, signedIn: false };
}
