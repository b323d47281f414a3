/**
 * The application behind no edge of Access's: it signs people in itself, with Access as its identity
 * provider, and from then on its own cookie is what counts. It has API keys as well.
 */
import { randomBytes } from 'node:crypto';
import type { Application } from '../catalogue.ts';
import { type Answer, redirect } from '../server/answer.ts';
import { cookieValues } from '../server/cookies.ts';
import { notice } from '../server/page.ts';
import type { Received } from '../server/received.ts';
import { type OidcProvider, oidcCallbackPath } from '../team/oidc-provider.ts';
import type { SigningKeys } from '../team/signing-keys.ts';

/** What it takes of its own. */
export const apiKey = 'an-api-key-of-the-application';

const sessionCookie = 'app_session';
const stateCookie = 'app_state';

export class OidcApplication {
  readonly #provider: OidcProvider;
  readonly #keys: SigningKeys;
  /** By the cookie that holds it. */
  readonly #sessions = new Map<string, string>();
  /** By state. */
  readonly #signIns = new Map<string, { readonly nonce: string; readonly page: string }>();

  constructor(provider: OidcProvider, keys: SigningKeys) {
    this.#provider = provider;
    this.#keys = keys;
  }

  admits({ headers }: Received): boolean {
    if (headers.authorization === `Bearer ${apiKey}`) return true;
    return cookieValues(headers.cookie, sessionCookie).some((each) => this.#sessions.has(each));
  }

  /** Off to the sign-in at its identity provider. */
  signIn(application: Application, request: Received): Answer {
    const [state, nonce] = [random(), random()];
    this.#signIns.set(state, { nonce, page: request.url.pathname + request.url.search });
    const query = new URLSearchParams({
      client_id: application.audience,
      redirect_uri: application.url.origin + oidcCallbackPath,
      response_type: 'code',
      scope: 'openid email',
      state,
      nonce,
    });
    return redirect(`${this.#provider.issuer}/authorization?${query}`, {
      'set-cookie': `${stateCookie}=${state}; Path=/; HttpOnly; SameSite=Lax`,
    });
  }

  /** The person is back: the code is redeemed, by this server alone. */
  async callback(application: Application, request: Received): Promise<Answer> {
    const { searchParams: query } = request.url;
    const state = query.get('state') ?? '';
    const signIn = this.#signIns.get(state);
    const isTheirs = cookieValues(request.headers.cookie, stateCookie).includes(state);
    if (signIn === undefined || !isTheirs) {
      return notice(400, 'Not signed in', 'This sign-in was not begun in this browser.');
    }
    this.#signIns.delete(state);
    const answer = await fetch(`${this.#provider.issuer}/token`, {
      method: 'POST',
      headers: { 'user-agent': application.name },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: query.get('code') ?? '',
        redirect_uri: application.url.origin + oidcCallbackPath,
        client_id: application.audience,
        client_secret: this.#provider.clientSecret,
      }),
    });
    const { id_token: idToken } = (await answer.json()) as { id_token?: string };
    const claims = this.#keys.verify(idToken ?? '');
    if (claims?.nonce !== signIn.nonce || typeof claims.email !== 'string') {
      return notice(403, 'Not signed in', 'The identity provider did not say who you are.');
    }
    const session = random();
    this.#sessions.set(session, claims.email);
    return redirect(application.url.origin + signIn.page, {
      'set-cookie': `${sessionCookie}=${session}; Path=/; HttpOnly; SameSite=Lax`,
    });
  }
}

function random(): string {
  return randomBytes(16).toString('hex');
}
