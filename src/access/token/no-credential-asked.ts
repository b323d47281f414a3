/** That a URL needs no token, which for some callers is a success. */
import { AccessError } from '../../errors.ts';

export class NoCredentialAsked extends AccessError {
  constructor({ host }: URL) {
    super('invalid_input', `${host} asks for no credential, so there is no token for it.`, [
      { do: 'fetch', because: 'nothing_asked' },
    ]);
  }
}
