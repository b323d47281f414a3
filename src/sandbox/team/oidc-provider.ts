/**
 * Access as the identity provider of an OIDC application (cloudflare-access.md §1): the authorization
 * endpoint, which has a person log in at the team, the token endpoint, for the application's server alone,
 * and the keys.
 */
import { randomBytes } from 'node:crypto';
import { forbiddenPerson } from '../application/challenge.ts';
import type { Application } from '../catalogue.ts';
import { oauthError, readForm } from '../oauth/client-authentication.ts';
import {
  type Answer,
  json,
  methodNotAllowed,
  type Plan,
  redirect,
  text,
} from '../server/answer.ts';
import { cookieValues } from '../server/cookies.ts';
import { notice } from '../server/page.ts';
import type { Received } from '../server/received.ts';
import { loginPath, ssoPath } from './login.ts';
import type { Organisation } from './organisation.ts';

/** Where the application takes the answer. */
export const oidcCallbackPath = '/oidc/callback';

interface Grant {
  readonly email: string;
  readonly nonce: string | null;
  readonly expiresAt: number;
}

export class OidcProvider {
  readonly clientSecret = randomBytes(32).toString('hex');
  readonly #organisation: Organisation;
  readonly #client: Application;
  readonly #codes = new Map<string, Grant>();

  constructor(organisation: Organisation) {
    this.#organisation = organisation;
    this.#client = organisation.applications['identity-provider'];
  }

  get issuer(): string {
    return `${this.#organisation.team.origin}${ssoPath}oidc/${this.#client.audience}`;
  }

  get #redirectUri(): string {
    return this.#client.url.origin + oidcCallbackPath;
  }

  visit(request: Received): Plan {
    switch (request.url.origin + request.url.pathname) {
      case `${this.issuer}/authorization`:
        return only('GET', request, 'sso', () => this.#authorize(request));
      case `${this.issuer}/token`:
        return only('POST', request, 'sso_token', () => this.#token(request));
      case `${this.issuer}/jwks`:
        return only('GET', request, 'sso_keys', () => json(200, this.#organisation.keys.jwks()));
      default:
        return { what: 'sso', work: () => text(404, 'Not found') };
    }
  }

  #authorize(request: Received): Answer {
    const { searchParams: query, pathname, search } = request.url;
    const scopes = query.get('scope')?.split(' ') ?? [];
    if (
      query.get('client_id') !== this.#client.audience ||
      query.get('redirect_uri') !== this.#redirectUri ||
      query.get('response_type') !== 'code' ||
      !scopes.includes('openid')
    ) {
      return notice(400, 'Unable to find your Access application', 'The request is not valid.');
    }
    const { team } = this.#organisation;
    const email = cookieValues(request.headers.cookie, 'CF_Authorization')
      .map((jwt) => this.#organisation.readOrganisationJwt(jwt))
      .find((each) => each !== undefined);
    if (email === undefined) {
      const onward = { kid: this.#client.audience, redirect_url: pathname + search };
      return redirect(`${team.origin}${loginPath}${team.host}?${new URLSearchParams(onward)}`);
    }
    if (!this.#organisation.admits(email)) return forbiddenPerson(this.#client);
    const code = randomBytes(32).toString('base64url');
    const expiresAt = Date.now() + this.#organisation.settings.codeSeconds * 1000;
    this.#codes.set(code, { email, nonce: query.get('nonce'), expiresAt });
    const back = new URLSearchParams({ code, state: query.get('state') ?? '' });
    return redirect(`${this.#redirectUri}?${back}`);
  }

  #token(request: Received): Answer {
    const form = readForm(request);
    if (!(form instanceof URLSearchParams)) return form;
    const isClient =
      form.get('client_id') === this.#client.audience &&
      form.get('client_secret') === this.clientSecret;
    if (!isClient) return oauthError('invalid_client', 'Wrong client authentication', 401);
    if (form.get('grant_type') !== 'authorization_code') {
      return oauthError('unsupported_grant_type', 'Only authorization_code');
    }
    const code = form.get('code') ?? '';
    const grant = this.#codes.get(code);
    this.#codes.delete(code);
    const isGood = grant !== undefined && grant.expiresAt > Date.now();
    if (!isGood || form.get('redirect_uri') !== this.#redirectUri) {
      return oauthError('invalid_grant', 'The code is unknown, spent or for another redirect URI');
    }
    const issuedAt = Math.floor(Date.now() / 1000);
    const { email, nonce } = grant;
    const idToken = this.#organisation.keys.sign({
      iss: this.issuer,
      aud: this.#client.audience,
      sub: this.#organisation.subjectOf(email),
      email,
      ...(nonce === null ? {} : { nonce }),
      iat: issuedAt,
      exp: issuedAt + 300,
    });
    const accessToken = randomBytes(32).toString('base64url');
    return json(
      200,
      { access_token: accessToken, id_token: idToken, token_type: 'Bearer', expires_in: 300 },
      { 'cache-control': 'no-store' },
    );
  }
}

function only(method: 'GET' | 'POST', request: Received, what: string, work: () => Answer): Plan {
  const isAllowed = request.method === method || (method === 'GET' && request.method === 'HEAD');
  const allowed = method === 'GET' ? 'GET, HEAD' : method;
  return { what, work: isAllowed ? work : () => methodNotAllowed(allowed) };
}
