/**
 * The state behind the authorization server: codes, grants, opaque tokens, rotation and reuse detection
 * (RFC 6749 §4.1.2, RFC 9700 §4.14.2). Lifetimes in milliseconds.
 */
import { randomBytes } from 'node:crypto';
import type { Application } from '../catalogue.ts';
import type { Settings } from '../options.ts';

export interface Authorization {
  readonly clientId: string;
  readonly person: string;
  readonly application: Application;
  /** The resource indicator, verbatim. */
  readonly resource: string;
}

export interface Code extends Authorization {
  readonly redirectUri: string;
  readonly codeChallenge: string;
  readonly expiresAt: number;
  /** The grant it was exchanged for; a code that has one has been used. */
  grant: Grant | undefined;
}

export interface Grant extends Authorization {
  readonly endsAt: number;
  ended: boolean;
  /** “Revoke existing tokens”: it can still be refreshed, and Access refuses what comes of it. */
  revoked: boolean;
}

interface RefreshToken {
  readonly grant: Grant;
  spent: boolean;
}

interface AccessToken {
  readonly grant: Grant;
  endsAt: number;
}

export interface IssuedTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

export class Grants {
  readonly #settings: Settings;
  readonly #codes = new Map<string, Code>();
  readonly #accessTokens = new Map<string, AccessToken>();
  readonly #refreshTokens = new Map<string, RefreshToken>();
  readonly #grants = new Set<Grant>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  issueCode(code: Omit<Code, 'expiresAt' | 'grant'>): string {
    const name = randomBytes(32).toString('hex');
    const expiresAt = Date.now() + this.#settings.codeSeconds * 1000;
    this.#codes.set(name, { ...code, expiresAt, grant: undefined });
    return name;
  }

  code(name: string): Code | undefined {
    return this.#codes.get(name);
  }

  refreshToken(name: string): Readonly<RefreshToken> | undefined {
    return this.#refreshTokens.get(name);
  }

  begin(authorization: Authorization): { grant: Grant; tokens: IssuedTokens } {
    const { clientId, person, application, resource } = authorization;
    const endsAt = Date.now() + this.#settings.refreshTokenSeconds * 1000;
    const grant: Grant = {
      clientId,
      person,
      application,
      resource,
      endsAt,
      ended: false,
      revoked: false,
    };
    this.#grants.add(grant);
    return { grant, tokens: this.#issue(grant) };
  }

  /** Spends the refresh token for new tokens. */
  rotate(name: string, grant: Grant): IssuedTokens {
    this.#refreshTokens.set(name, { grant, spent: true });
    return this.#issue(grant);
  }

  /** The person whose access token this is, at this application. */
  personOf(accessToken: string, application: Application): string | undefined {
    const token = this.#accessTokens.get(accessToken);
    if (token === undefined || token.endsAt <= Date.now()) return undefined;
    if (token.grant.ended || token.grant.revoked) return undefined;
    return token.grant.application === application ? token.grant.person : undefined;
  }

  /** RFC 7009: revoking a refresh token ends its grant; revoking an access token ends only that token. */
  revoke(name: string, clientId: string): void {
    const refresh = this.#refreshTokens.get(name);
    if (refresh?.grant.clientId === clientId) refresh.grant.ended = true;
    if (this.#accessTokens.get(name)?.grant.clientId === clientId) this.#accessTokens.delete(name);
  }

  expireAccessTokens(): void {
    for (const token of this.#accessTokens.values()) token.endsAt = 0;
  }

  /** Those that there are; what somebody signs in for afterwards is good. */
  revokeTokens(): void {
    for (const grant of this.#grants) grant.revoked = true;
  }

  endAll(): void {
    for (const grant of this.#grants) grant.ended = true;
  }

  #issue(grant: Grant): IssuedTokens {
    const accessToken = `oauth:${randomBytes(32).toString('hex')}`;
    const refreshToken = `oauth:${randomBytes(32).toString('hex')}`;
    const endsAt = Date.now() + this.#settings.accessTokenSeconds * 1000;
    this.#accessTokens.set(accessToken, { grant, endsAt });
    this.#refreshTokens.set(refreshToken, { grant, spent: false });
    return { accessToken, refreshToken };
  }
}
